"""The tables of LaFIn (Yang et al. 2019) that compare completed pictures."""

from training.printed import PaperTables, PrintedTable, Variant

BUCKETS = {"10-20": "10-20%", "20-30": "20-30%", "30-40": "30-40%", "40-50": "40-50%", "50-60": "50%+"}
PARTS = {"10-20": "10-20%", "40-50": "40-50%", "center": "Center"}
MEASURED = "PSNR and SSIM on luminance, SSIM with a flat window of 51 px; FID with another Inception than other papers'"

TABLES = PaperTables(
    system="lafin",
    profile="lafin",
    tables=(
        PrintedTable(
            name="Table 1",
            data="CelebA-HQ, 256 px",
            words=MEASURED,
            holes={**BUCKETS, "center": "Center"},
            figures={
                "PSNR": {
                    "CA": (27.51, 24.42, 22.14, 20.29, 18.10, 24.13),
                    "PIC": (30.33, 27.05, 24.68, 22.58, 19.54, 24.22),
                    "EC": (30.73, 27.56, 25.34, 23.44, 20.71, 24.82),
                    "Ours": (31.48, 28.31, 26.14, 24.22, 21.61, 25.92),
                },
                "SSIM": {
                    "CA": (0.942, 0.892, 0.832, 0.761, 0.646, 0.864),
                    "PIC": (0.968, 0.936, 0.894, 0.838, 0.715, 0.870),
                    "EC": (0.971, 0.942, 0.907, 0.859, 0.754, 0.874),
                    "Ours": (0.975, 0.951, 0.922, 0.883, 0.805, 0.905),
                },
                "FID": {
                    "CA": (7.29, 14.62, 24.41, 38.83, 51.21, 7.39),
                    "PIC": (2.72, 4.49, 6.56, 9.24, 13.32, 4.98),
                    "EC": (2.33, 3.89, 5.94, 8.78, 13.92, 8.26),
                    "Ours": (2.05, 3.36, 5.11, 7.12, 10.84, 6.63),
                },
            },
            ours={"Ours": Variant("lafin")},
        ),
        PrintedTable(
            name="Table 2",
            data="CelebA, 256 px",
            words=MEASURED,
            holes={"center": "Center"},
            figures={
                "PSNR": {"CE": (25.46,), "GFC": (21.04,), "EC": (25.83,), "Ours": (26.25,)},
                "SSIM": {"CE": (0.909,), "GFC": (0.766,), "EC": (0.899,), "Ours": (0.912,)},
                "FID": {"CE": (1.731,), "GFC": (14.958,), "EC": (3.519,), "Ours": (3.512,)},
            },
            ours={"GFC": Variant("gfc"), "Ours": Variant("lafin")},
        ),
        PrintedTable(
            name="Table 3",
            data="CelebA-HQ, 256 px",
            words=MEASURED,
            holes=PARTS,
            figures={
                "PSNR": {
                    "w/o LSTA": (31.02, 24.00, 25.75),
                    "w/o LMK": (31.10, 23.75, 24.90),
                    "Ours": (31.48, 24.22, 25.92),
                },
                "SSIM": {
                    "w/o LSTA": (0.973, 0.879, 0.902),
                    "w/o LMK": (0.972, 0.869, 0.879),
                    "Ours": (0.9754, 0.883, 0.905),
                },
                "FID": {
                    "w/o LSTA": (2.18, 8.25, 8.56),
                    "w/o LMK": (2.26, 7.72, 7.21),
                    "Ours": (2.05, 7.12, 6.63),
                },
            },
            ours={
                "w/o LSTA": Variant("lafin_without_attention"),
                "w/o LMK": Variant("lafin_without_landmarks"),
                "Ours": Variant("lafin"),
            },
        ),
    ),
)
