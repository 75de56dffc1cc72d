"""The tables of DSA (Zhou et al. 2020) that compare completed pictures."""

from training.printed import PaperTables, PrintedTable, Variant

CELEBA_HQ = "CelebA-HQ, 2,000 test faces, 256 px"
MEASURED = "LPIPS with its learnt heads; the window of SSIM is not given"
BOX = {"box": "random box"}

TABLES = PaperTables(
    system="dsa",
    profile="standard",
    tables=(
        PrintedTable(
            name="Table 1",
            data=CELEBA_HQ,
            words=MEASURED,
            holes=BOX,
            figures={
                "L1 %": {"PM": (5.82,), "CA": (1.82,), "PIC": (1.81,), "GConv": (1.89,), "Ours": (1.46,)},
                "PSNR": {"PM": (17.60,), "CA": (24.58,), "PIC": (25.31,), "GConv": (26.29,), "Ours": (26.36,)},
                "SSIM": {"PM": (0.7786,), "CA": (0.8980,), "PIC": (0.9023,), "GConv": (0.8996,), "Ours": (0.9107,)},
                "LPIPS": {"PM": (0.2221,), "CA": (0.0977,), "PIC": (0.0897,), "GConv": (0.0809,), "Ours": (0.0706,)},
            },
            ours={"Ours": Variant("dsa")},
        ),
        PrintedTable(
            name="Table 2",
            data=CELEBA_HQ,
            words=MEASURED,
            holes={"center": "center"},
            figures={
                "L1 %": {"PEN-Net": (2.87,), "Ours": (2.28,)},
                "PSNR": {"PEN-Net": (24.53,), "Ours": (26.11,)},
                "SSIM": {"PEN-Net": (0.8369,), "Ours": (0.8718,)},
                "LPIPS": {"PEN-Net": (0.1701,), "Ours": (0.1355,)},
            },
            ours={"Ours": Variant("dsa")},
        ),
        PrintedTable(
            name="Table 3",
            data=CELEBA_HQ,
            words=f"{MEASURED}; the paper's times are measured by tests.bench.attention",
            holes=BOX,
            figures={
                "L1 %": {"CA instead of DSA": (1.64,), "Ours": (1.46,)},
                "PSNR": {"CA instead of DSA": (25.56,), "Ours": (26.36,)},
                "SSIM": {"CA instead of DSA": (0.9057,), "Ours": (0.9107,)},
                "LPIPS": {"CA instead of DSA": (0.0899,), "Ours": (0.0706,)},
            },
            ours={"CA instead of DSA": Variant("dsa_contextual_attention"), "Ours": Variant("dsa")},
        ),
        PrintedTable(
            name="Table 4",
            data=CELEBA_HQ,
            words=MEASURED,
            holes=BOX,
            figures={
                "PSNR": {"DSA without supervision": (26.23,), "DSA with supervision": (26.36,)},
                "SSIM": {"DSA without supervision": (0.9062,), "DSA with supervision": (0.9107,)},
                "LPIPS": {"DSA without supervision": (0.0726,), "DSA with supervision": (0.0706,)},
            },
            ours={
                "DSA without supervision": Variant("dsa_without_supervision"),
                "DSA with supervision": Variant("dsa"),
            },
        ),
        PrintedTable(
            name="Table 5",
            data="FFHQ, 10,000 test faces, 256 px",
            words=MEASURED,
            holes=BOX,
            figures={
                "L1 %": {"CA": (1.96,), "PIC": (1.88,), "GConv": (1.85,), "Ours": (1.50,)},
                "PSNR": {"CA": (24.30,), "PIC": (24.53,), "GConv": (24.93,), "Ours": (26.06,)},
                "SSIM": {"CA": (0.8896,), "PIC": (0.9007,), "GConv": (0.8879,), "Ours": (0.9045,)},
                "LPIPS": {"CA": (0.0869,), "PIC": (0.0982,), "GConv": (0.0879,), "Ours": (0.0693,)},
            },
            ours={"Ours": Variant("dsa")},
        ),
    ),
)
