"""Lists of specs under one name, for ``--codecs``."""

_GENERAL = "gzip,zstd,xz,blosc2:shuffle=shuffle/bitshuffle,pcodec,openzl"
_IMAGES = "jpegls,jpeg2000,jpeg2000:z=wavelet,htj2k,jpegxl:effort=3/7,jpegxl:layout=channels"

PRESETS = {
    "lossless-default": f"voxz:level=1/3/5,{_GENERAL},{_IMAGES},ffv1,tomoz",
    "lossless-all": (
        f"voxz:level=1/2/3/4/5,{_GENERAL},{_IMAGES},jpegxl:effort=9,jpegxl:layout=mosaic,"
        "jpegxl:layout=channels,predictor=15,ffv1,x265:lossless=yes,tomoz,zfp,jp3d,kakadu"
    ),
    "near-lossless": (
        "voxz:error=1/2/5/9,voxz:level=9,error=1/2/5/9,jpegls:error=1/2/5/9,sz3:error=1/2/5/9,sperr:error=1/2/5/9,"
        "prequant:error=1/2/5/9"
    ),
    "lossy-default": (
        "voxz:bits=0.1/0.25/0.5/1/2/4/6,voxz:level=9,bits=0.1/0.25/0.5/1/2/4/6,"
        "jpeg2000:rmse=1/2/4/8/16/32,jpeg2000:z=wavelet,rmse=1/2/4/8/16/32,"
        "jpegxl:distance=0.1/0.25/0.5/1/2/4,x265:qp=0/4/10/16/22/28/34/40,"
        "sperr:psnr=30/35/40/45/50/55/60/65,sz3:error=1/2/4/8/16/32,zfp:tolerance=4/8/16/32/64/128"
    ),
    "lossy-all": "lossy-default,vvenc:qp=10/16/22/28/34,tthresh:psnr=35/40/45/50/55,near-lossless",
}
"""Specs by the preset's name."""
