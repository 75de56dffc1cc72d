"""The tables of ShowFace (Wu et al. 2022) that compare completed pictures."""

from training.printed import PaperTables, PrintedTable, Variant

CELEBA_HQ = "CelebA-HQ, 2,000 validation faces, 256 px"
MEASURED = "irregular masks of Liu et al.; the window of SSIM and the network of FID are not given"
BUCKETS = {"1-20": "1-20%", "20-40": "20-40%", "40-60": "40-60%"}

TABLES = PaperTables(
    system="showface",
    profile="standard",
    tables=(
        PrintedTable(
            name="Table 1, CelebA-HQ",
            data=CELEBA_HQ,
            words=MEASURED,
            holes=BUCKETS,
            figures={
                "L1 %": {
                    "PConv": (1.131, 2.311, 4.363),
                    "DeepFillv2": (0.788, 2.066, 3.968),
                    "PIC": (0.780, 2.036, 4.311),
                    "CTSDG": (1.350, 2.213, 3.900),
                    "DSI": (0.820, 2.077, 4.149),
                    "ICT": (0.949, 2.004, 3.901),
                    "Ours": (0.585, 1.451, 2.937),
                },
                "FID": {
                    "PConv": (12.716, 27.957, 42.594),
                    "DeepFillv2": (9.766, 22.793, 29.243),
                    "PIC": (4.190, 11.035, 21.360),
                    "CTSDG": (9.171, 14.324, 22.889),
                    "DSI": (9.037, 20.327, 29.040),
                    "ICT": (3.136, 8.715, 16.747),
                    "Ours": (2.369, 6.410, 12.086),
                },
                "PSNR": {
                    "PConv": (32.240, 26.085, 21.900),
                    "DeepFillv2": (32.700, 25.998, 21.943),
                    "PIC": (33.006, 25.961, 21.263),
                    "CTSDG": (32.198, 26.823, 22.490),
                    "DSI": (32.699, 26.107, 21.708),
                    "ICT": (33.416, 26.639, 22.013),
                    "Ours": (35.772, 28.669, 24.177),
                },
                "SSIM": {
                    "PConv": (0.941, 0.862, 0.762),
                    "DeepFillv2": (0.944, 0.848, 0.736),
                    "PIC": (0.951, 0.859, 0.730),
                    "CTSDG": (0.927, 0.856, 0.747),
                    "DSI": (0.938, 0.831, 0.704),
                    "ICT": (0.959, 0.879, 0.765),
                    "Ours": (0.968, 0.900, 0.800),
                },
            },
            ours={
                "Ours": Variant("showface"),
            },
        ),
        PrintedTable(
            name="Table 1, FFHQ",
            data="FFHQ, the last 2,000 faces, 256 px",
            words=MEASURED,
            holes=BUCKETS,
            figures={
                "L1 %": {
                    "PConv": (0.720, 2.178, 4.411),
                    "DeepFillv2": (0.715, 2.104, 4.250),
                    "PIC": (0.709, 2.099, 4.573),
                    "CTSDG": (0.419, 1.532, 3.569),
                    "DSI": (0.746, 2.067, 4.340),
                    "ICT": (0.982, 2.085, 4.036),
                    "Ours": (0.470, 1.395, 3.068),
                },
                "FID": {
                    "PConv": (12.208, 30.403, 45.709),
                    "DeepFillv2": (12.062, 29.276, 40.295),
                    "PIC": (5.411, 14.344, 27.334),
                    "CTSDG": (3.916, 13.477, 28.495),
                    "DSI": (10.483, 25.772, 39.127),
                    "ICT": (3.244, 8.360, 14.149),
                    "Ours": (2.473, 7.170, 13.748),
                },
                "PSNR": {
                    "PConv": (32.592, 25.422, 21.237),
                    "DeepFillv2": (32.428, 25.470, 21.301),
                    "PIC": (32.640, 25.490, 20.819),
                    "CTSDG": (34.946, 27.044, 22.272),
                    "DSI": (32.659, 25.780, 21.241),
                    "ICT": (33.172, 26.373, 21.809),
                    "Ours": (36.046, 28.333, 23.575),
                },
                "SSIM": {
                    "PConv": (0.955, 0.867, 0.761),
                    "DeepFillv2": (0.946, 0.845, 0.725),
                    "PIC": (0.952, 0.854, 0.719),
                    "CTSDG": (0.968, 0.888, 0.765),
                    "DSI": (0.941, 0.834, 0.702),
                    "ICT": (0.959, 0.877, 0.762),
                    "Ours": (0.972, 0.903, 0.797),
                },
            },
            ours={
                "Ours": Variant("showface"),
            },
        ),
        PrintedTable(
            name="Table 2",
            data=CELEBA_HQ,
            words=MEASURED,
            holes=BUCKETS,
            figures={
                "L1 %": {
                    "w/o MREM + w/o DMM": (0.625, 1.550, 3.063),
                    "w/o MREM": (0.595, 1.473, 2.959),
                    "Full": (0.585, 1.451, 2.937),
                },
                "FID": {
                    "w/o MREM + w/o DMM": (2.698, 7.205, 13.737),
                    "w/o MREM": (2.221, 6.529, 13.359),
                    "Full": (2.369, 6.410, 12.086),
                },
                "PSNR": {
                    "w/o MREM + w/o DMM": (35.118, 28.283, 24.017),
                    "w/o MREM": (35.467, 28.470, 24.080),
                    "Full": (35.772, 28.669, 24.177),
                },
                "SSIM": {
                    "w/o MREM + w/o DMM": (0.963, 0.890, 0.789),
                    "w/o MREM": (0.967, 0.897, 0.798),
                    "Full": (0.968, 0.900, 0.800),
                },
            },
            ours={
                "w/o MREM + w/o DMM": Variant("showface_without_both"),
                "w/o MREM": Variant("showface_without_mrem"),
                "Full": Variant("showface"),
            },
        ),
        PrintedTable(
            name="Table 3",
            data=CELEBA_HQ,
            words=MEASURED,
            holes=BUCKETS,
            figures={
                "L1 %": {
                    "w/o L_sem": (0.589, 1.461, 2.954),
                    "w/o L_intra": (0.587, 1.452, 2.939),
                    "w/o L_inter": (0.588, 1.462, 2.961),
                    "Full": (0.585, 1.451, 2.937),
                },
                "FID": {
                    "w/o L_sem": (2.400, 6.541, 12.367),
                    "w/o L_intra": (2.472, 7.011, 13.721),
                    "w/o L_inter": (2.421, 6.874, 13.292),
                    "Full": (2.369, 6.410, 12.086),
                },
                "PSNR": {
                    "w/o L_sem": (35.676, 28.594, 24.111),
                    "w/o L_intra": (35.646, 28.631, 24.171),
                    "w/o L_inter": (35.639, 28.528, 24.171),
                    "Full": (35.772, 28.669, 24.177),
                },
                "SSIM": {
                    "w/o L_sem": (0.967, 0.898, 0.796),
                    "w/o L_intra": (0.967, 0.897, 0.795),
                    "w/o L_inter": (0.967, 0.897, 0.794),
                    "Full": (0.968, 0.900, 0.800),
                },
            },
            ours={
                "w/o L_sem": Variant("showface_without_semantic"),
                "w/o L_intra": Variant("showface_without_intra"),
                "w/o L_inter": Variant("showface_without_inter"),
                "Full": Variant("showface"),
            },
        ),
        PrintedTable(
            name="Table 4",
            data=CELEBA_HQ,
            words=MEASURED,
            holes=BUCKETS,
            figures={
                "L1 %": {
                    "m=32": (0.627, 1.547, 3.046),
                    "m=64": (0.584, 1.452, 2.951),
                    "m=128": (0.585, 1.451, 2.937),
                    "m=256": (0.600, 1.494, 3.000),
                    "m=512": (0.618, 1.532, 3.037),
                    "non-disentangled": (0.662, 1.639, 3.177),
                },
                "FID": {
                    "m=32": (3.194, 8.017, 14.124),
                    "m=64": (2.308, 6.421, 12.523),
                    "m=128": (2.369, 6.410, 12.086),
                    "m=256": (2.670, 7.741, 15.557),
                    "m=512": (2.927, 7.626, 13.712),
                    "non-disentangled": (5.244, 15.452, 24.495),
                },
                "PSNR": {
                    "m=32": (35.214, 28.344, 24.017),
                    "m=64": (35.718, 28.593, 24.079),
                    "m=128": (35.772, 28.669, 24.177),
                    "m=256": (35.441, 28.391, 23.996),
                    "m=512": (35.397, 28.452, 24.901),
                    "non-disentangled": (34.987, 28.339, 24.152),
                },
                "SSIM": {
                    "m=32": (0.963, 0.891, 0.791),
                    "m=64": (0.968, 0.898, 0.796),
                    "m=128": (0.968, 0.900, 0.800),
                    "m=256": (0.966, 0.893, 0.791),
                    "m=512": (0.965, 0.893, 0.793),
                    "non-disentangled": (0.962, 0.893, 0.800),
                },
            },
            ours={
                "m=32": Variant("showface_32_slots"),
                "m=64": Variant("showface_64_slots"),
                "m=128": Variant("showface"),
                "m=256": Variant("showface_256_slots"),
                "m=512": Variant("showface_512_slots"),
                "non-disentangled": Variant("showface_not_disentangled"),
            },
        ),
    ),
)
