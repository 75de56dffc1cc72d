"""The table of the reference-guided paper (Yoon et al. 2021) that compares completed pictures."""

from training.printed import PaperTables, PrintedTable, Variant

TABLES = PaperTables(
    system="reference",
    profile="standard",
    tables=(
        PrintedTable(
            name="Table 1",
            data="CelebA-HQ, 2,000 test faces, 256 px",
            words="with the picture's own attributes; SSIM's window and the networks of LPIPS and FID are not given",
            holes={
                "quickdraw": "Quickdraw",
                "10-20": "10-20%",
                "20-30": "20-30%",
                "30-40": "30-40%",
                "40-50": "40-50%",
            },
            figures={
                "SSIM": {
                    "Ours": (0.833, 0.811, 0.740, 0.660, 0.571),
                    "LBAM": (0.821, 0.814, 0.744, 0.667, 0.583),
                    "PConv": (0.772, 0.789, 0.700, 0.602, 0.502),
                    "EC": (0.817, 0.827, 0.761, 0.681, 0.595),
                    "MLGN": (0.832, 0.839, 0.777, 0.706, 0.624),
                },
                "LPIPS": {
                    "Ours": (0.042, 0.068, 0.103, 0.146, 0.198),
                    "LBAM": (0.047, 0.057, 0.087, 0.126, 0.172),
                    "PConv": (0.088, 0.080, 0.130, 0.214, 0.309),
                    "EC": (0.047, 0.051, 0.082, 0.128, 0.183),
                    "MLGN": (0.063, 0.065, 0.103, 0.148, 0.201),
                },
                "FID": {
                    "Ours": (24.91, 28.53, 35.26, 43.29, 56.67),
                    "LBAM": (25.79, 27.63, 36.51, 48.47, 64.40),
                    "PConv": (33.69, 31.53, 61.03, 127.2, 207.3),
                    "EC": (27.49, 25.65, 34.80, 47.14, 63.75),
                    "MLGN": (28.45, 26.73, 38.34, 52.54, 73.07),
                },
            },
            ours={"Ours": Variant("reference"), "LBAM": Variant("reference_lbam")},
        ),
    ),
)
