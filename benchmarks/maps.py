"""Floating-point maps made from scans the way the field makes them: fits, statistics, resampling, filters, rescaling.

Every map is an array in memory order (last axis x) of the type that the usual tool writes. `packaged` needs nothing but
installed packages; `from_folder` takes a folder of scans, and uses those of the names it knows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dipy
import nibabel
import nilearn
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Map = NDArray[Any]


def _memory_order(values: Map, dtype: str = "f4") -> Map:
    return np.ascontiguousarray(np.asarray(values).T.astype(dtype))


def _load(path: Path) -> Map:
    image: Any = nibabel.load(path)
    return np.asarray(image.dataobj.get_unscaled())


def _site(package: Any, path: str) -> Path:
    return Path(package.__file__).parent / path


def tensor_maps(series: Map, bvals: Map, bvecs: Map) -> tuple[Map, Map]:
    """Fractional anisotropy and mean diffusivity of a tensor fit inside a threshold mask, zero outside."""
    from dipy.core.gradients import gradient_table  # noqa: PLC0415 - slow to import
    from dipy.reconst.dti import TensorModel  # noqa: PLC0415

    gradients = gradient_table(bvals, bvecs=bvecs)
    first = series[..., gradients.b0s_mask].mean(axis=-1)
    mask = ndimage.binary_opening(ndimage.median_filter(first, 3) > 0.2 * np.percentile(first, 98))
    fit = TensorModel(gradients, fit_method="WLS").fit(series, mask=mask)
    return np.nan_to_num(fit.fa), np.nan_to_num(fit.md)


def t_map(series: Map) -> Map:
    """The t statistic of a block regressor with a linear trend, zero outside a threshold mask."""
    frames = series.shape[-1]
    blocks = np.convolve((np.arange(frames) // 5) % 2, [0.2, 0.5, 0.3])[:frames]
    design = np.stack([blocks, np.arange(frames) / frames, np.ones(frames)], axis=1)
    data = series.reshape(-1, frames).T.astype(np.float64)
    beta = np.linalg.pinv(design) @ data
    variance = ((data - design @ beta) ** 2).sum(axis=0) / (frames - 3)
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0])
    statistic = np.where(error > 0, beta[0] / np.maximum(error, 1e-9), 0).reshape(series.shape[:-1])
    mean = series.mean(axis=-1)
    return np.where(mean > 0.3 * np.percentile(mean, 98), statistic, 0)


def bias_field(shape: tuple[int, ...]) -> Map:
    """A smooth multiplicative field, as bias correction estimates it."""
    control = 1 + 0.2 * np.random.default_rng(7).standard_normal((4,) * len(shape))
    zoom = [n / 4 for n in shape]
    field: Map = ndimage.zoom(control, zoom, order=3, mode="nearest", grid_mode=True)
    return field


def packaged() -> Iterator[tuple[str, Map]]:
    """Maps that ship inside packages, and some made from the scans in them."""
    yield "statistic_nilearn", _memory_order(_load(_site(nilearn, "datasets/data/image_10426.nii.gz")))
    yield "denoised_dipy_f8", _memory_order(_load(_site(dipy, "data/files/ascm_out_test.nii.gz")), "f8")
    yield "noise_dipy_f8", _memory_order(_load(_site(dipy, "data/files/test_piesno.nii.gz")), "f8")
    yield "resliced_nibabel", _memory_order(_load(_site(nibabel, "tests/data/reoriented_anat_moved.nii")))
    first = _load(_site(dipy, "data/files/S0_10slices.nii.gz"))[..., 0].astype("f4")
    yield "packaged_corrected", _memory_order(first / bias_field(first.shape).astype("f4"))
    yield "packaged_resampled", _memory_order(ndimage.zoom(first, 1.3, order=3))
    template = _load(_site(nilearn, "datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"))[50:150, 50:150, 60:120]
    yield "packaged_smoothed", _memory_order(ndimage.gaussian_filter(template.astype("f4"), 1.5))


def from_folder(folder: Path) -> Iterator[tuple[str, Map]]:
    """Maps of the scans in `folder`."""

    def scan(name: str) -> Map:
        return _load(folder / f"{name}.nii.gz")

    def have(name: str) -> bool:
        return (folder / f"{name}.nii.gz").is_file()

    for name in ("dmri_stc_trio20", "dmri_canon61_3000"):
        if have(name):
            table = [np.loadtxt(folder / f"{name}.{end}") for end in ("bval", "bvec")]
            fa, md = tensor_maps(scan(name), *table)
            yield f"fa_{name[5:]}", _memory_order(fa)
            yield f"md_{name[5:]}", _memory_order(md)
            if name == "dmri_stc_trio20":
                yield f"fa_{name[5:]}_f8", _memory_order(fa, "f8")
    if have("fmri_sf_localizer"):
        run: Map = scan("fmri_sf_localizer") * np.float32(75.5383529663086)
        mean, spread = run.mean(axis=-1), run.std(axis=-1)
        yield "fmri_mean", _memory_order(mean)
        yield "fmri_tsnr", _memory_order(np.divide(mean, spread, where=spread > 0, out=np.zeros_like(mean)))
        yield "fmri_t", _memory_order(t_map(run))
        yield "fmri_smoothed", _memory_order(ndimage.gaussian_filter(run[..., :10], (0.9, 0.9, 0.9, 0)))
        yield "fmri_scaled", _memory_order(run)
    if have("fmri_asl_pcasl2dve"):
        run = scan("fmri_asl_pcasl2dve").astype("f4")
        yield "asl_perfusion", _memory_order((run[..., ::2] - run[..., 1::2]).mean(axis=-1) * np.float32(0.37))
    if have("mri_sf_t1"):
        head = scan("mri_sf_t1")[:, :, 96:160].astype("f4")
        yield "t1_zoom_linear", _memory_order(ndimage.zoom(head, (0.9, 0.9, 0.9), order=1))
        turned = ndimage.affine_transform(head, np.array([[0.99, 0.08, 0], [-0.08, 0.99, 0.05], [0, -0.05, 0.99]]), order=3)
        yield "t1_affine_cubic", _memory_order(turned)
        yield "t1_smoothed", _memory_order(ndimage.gaussian_filter(head, 1.0))
        yield "t1_corrected", _memory_order(head / bias_field(head.shape).astype("f4"))
        scores = (head - head.mean(dtype="f8")) / head.std(dtype="f8")
        yield "t1_z_scores", _memory_order(scores)
    if have("mri_dce_br08"):
        run = scan("mri_dce_br08").astype("f4")
        first = run[..., 0]
        yield "dce_enhancement", _memory_order(np.where(first > 20, (run[..., 1] - first) / np.maximum(first, 1), np.nan))
    if have("pet_sts001_fdg"):
        counts = scan("pet_sts001_fdg")[:, :, 60:160]
        slopes = np.asarray(0.3 + np.random.default_rng(1).random(counts.shape[2]), "f4")
        activity = counts.astype("f4") * slopes
        yield "pet_scaled", _memory_order(activity)
        yield "pet_suv_smoothed", _memory_order(ndimage.gaussian_filter(activity, 0.8) / 5231.7)
    if have("ct_sts049"):
        yield "ct_zoom_cubic", _memory_order(ndimage.zoom(scan("ct_sts049").astype("f4"), (0.8, 0.8, 1.0), order=3))
        yield "ct_hounsfield_f8", _memory_order(scan("ct_sts049")[:, :, :24] * 1.0 - 1024.0, "f8")
    if have("mri_uih_t1_a"):
        magnitude: Map = scan("mri_uih_t1_a")[:, :, 20:36].astype("f4")
        yield "mri_complex", _memory_order(magnitude * np.exp(9j * bias_field(magnitude.shape)), "c8")
