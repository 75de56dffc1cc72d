"""The tables of GFC (Li et al. 2017) that compare completed pictures."""

from training.printed import PaperTables, PrintedTable, Variant

OCCLUSIONS = {"O1": "O1", "O2": "O2", "O3": "O3", "O4": "O4", "O5": "O5", "O6": "O6"}
OURS = {
    "M1": Variant("gfc_m1"),
    "M2": Variant("gfc_m2"),
    "M3": Variant("gfc_m3"),
    "M4": Variant("gfc"),
    "M5": Variant("gfc", blend="poisson"),  # M4 with Poisson blending
}
DATA = "CelebA, 19,962 test faces, 128 px"

TABLES = PaperTables(
    system="gfc",
    profile="standard",
    tables=(
        PrintedTable(
            name="Table 1",
            data=DATA,
            words="the window of SSIM is not given",
            holes=OCCLUSIONS,
            figures={
                "SSIM": {
                    "M1": (0.798, 0.805, 0.723, 0.747, 0.751, 0.807),
                    "M2": (0.753, 0.763, 0.675, 0.701, 0.706, 0.764),
                    "M3": (0.782, 0.787, 0.708, 0.741, 0.732, 0.808),
                    "M4": (0.804, 0.808, 0.731, 0.759, 0.755, 0.824),
                    "CE": (0.772, 0.774, 0.719, 0.754, 0.757, 0.818),
                    "M5": (0.824, 0.826, 0.759, 0.789, 0.784, 0.841),
                }
            },
            ours=OURS,
        ),
        PrintedTable(
            name="Table 2",
            data=DATA,
            words="",
            holes=OCCLUSIONS,
            figures={
                "PSNR": {
                    "M1": (18.9, 18.7, 17.9, 18.6, 18.7, 18.8),
                    "M2": (17.8, 17.9, 17.2, 17.7, 17.6, 17.3),
                    "M3": (18.9, 18.7, 17.7, 18.5, 18.4, 19.0),
                    "M4": (19.4, 19.3, 18.3, 19.1, 18.9, 19.7),
                    "CE": (18.6, 18.4, 17.9, 19.0, 19.1, 19.3),
                    "M5": (20.0, 19.8, 18.8, 19.7, 19.5, 20.2),
                }
            },
            ours=OURS,
        ),
        PrintedTable(
            name="Table 3",
            data=DATA,
            words="identity distance by OpenFace",
            holes=OCCLUSIONS,
            figures={
                "identity": {
                    "M1": (0.763, 1.05, 0.781, 0.310, 0.344, 0.732),
                    "M2": (0.775, 1.02, 0.693, 0.307, 0.321, 0.714),
                    "M3": (0.694, 0.894, 0.674, 0.265, 0.297, 0.593),
                    "M4": (0.602, 0.838, 0.571, 0.238, 0.256, 0.576),
                    "CE": (0.701, 0.908, 0.561, 0.236, 0.251, 0.585),
                    "M5": (0.534, 0.752, 0.549, 0.212, 0.231, 0.541),
                }
            },
            ours=OURS,
        ),
    ),
)
