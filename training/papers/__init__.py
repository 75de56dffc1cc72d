"""One room for each paper. The literal tables of recipes, deployed models and systems stand here."""

from __future__ import annotations

from collections.abc import Callable

from training.deployed import Deployed
from training.given import BuildSystem
from training.papers.dsa import recipe as dsa
from training.papers.dsa import serving as dsa_serving
from training.papers.dsa import tables as dsa_tables
from training.papers.finder import recipe as finder
from training.papers.finder import serving as finder_serving
from training.papers.gfc import recipe as gfc
from training.papers.gfc import serving as gfc_serving
from training.papers.gfc import tables as gfc_tables
from training.papers.lafin import recipe as lafin
from training.papers.lafin import serving as lafin_serving
from training.papers.lafin import tables as lafin_tables
from training.papers.parser import recipe as parser
from training.papers.parser import serving as parser_serving
from training.papers.reference import recipe as reference
from training.papers.reference import serving as reference_serving
from training.papers.reference import tables as reference_tables
from training.papers.showface import recipe as showface
from training.papers.showface import serving as showface_serving
from training.papers.showface import tables as showface_tables
from training.printed import PaperTables
from training.recipe import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "dsa": dsa.dsa,
    "dsa_ffhq": dsa.dsa_ffhq,
    "dsa_irregular": dsa.dsa_irregular,
    "dsa_1024": dsa.dsa_1024,
    "dsa_without_supervision": dsa.dsa_without_supervision,
    "dsa_contextual_attention": dsa.dsa_contextual_attention,
    "dsa_two_discriminators": dsa.dsa_two_discriminators,
    "dsa_demo": dsa.dsa_demo,
    "dsa_without_supervision_demo": dsa.dsa_without_supervision_demo,
    "dsa_tiny": dsa.dsa_tiny,
    "finder": finder.finder,
    "finder_demo": finder.finder_demo,
    "finder_tiny": finder.finder_tiny,
    "gfc": gfc.gfc,
    "gfc_m1": gfc.gfc_m1,
    "gfc_m2": gfc.gfc_m2,
    "gfc_m3": gfc.gfc_m3,
    "gfc_m4": gfc.gfc_m4,
    "gfc_demo": gfc.gfc_demo,
    "gfc_tiny": gfc.gfc_tiny,
    "lafin": lafin.lafin,
    "lafin_without_attention": lafin.lafin_without_attention,
    "lafin_without_landmarks": lafin.lafin_without_landmarks,
    "lafin_augmented": lafin.lafin_augmented,
    "lafin_98": lafin.lafin_98,
    "lafin_augmented_98": lafin.lafin_augmented_98,
    "lafin_augmented_demo": lafin.lafin_augmented_demo,
    "lafin_demo": lafin.lafin_demo,
    "lafin_tiny": lafin.lafin_tiny,
    "parser": parser.parser,
    "parser_14": parser.parser_14,
    "parser_11": parser.parser_11,
    "parser_demo": parser.parser_demo,
    "parser_14_demo": parser.parser_14_demo,
    "parser_tiny": parser.parser_tiny,
    "reference": reference.reference,
    "reference_lbam": reference.reference_lbam,
    "reference_without_perceptual": reference.reference_without_perceptual,
    "reference_without_style": reference.reference_without_style,
    "reference_without_structure": reference.reference_without_structure,
    "reference_without_attributes": reference.reference_without_attributes,
    "reference_demo": reference.reference_demo,
    "reference_judge": reference.reference_judge,
    "reference_tiny": reference.reference_tiny,
    "showface": showface.showface,
    "showface_coarse": showface.showface_coarse,
    "showface_inco2": showface.showface_inco2,
    "showface_without_both": showface.showface_without_both,
    "showface_without_mrem": showface.showface_without_mrem,
    "showface_without_semantic": showface.showface_without_semantic,
    "showface_without_intra": showface.showface_without_intra,
    "showface_without_inter": showface.showface_without_inter,
    "showface_32_slots": showface.showface_32_slots,
    "showface_64_slots": showface.showface_64_slots,
    "showface_256_slots": showface.showface_256_slots,
    "showface_512_slots": showface.showface_512_slots,
    "showface_not_disentangled": showface.showface_not_disentangled,
    "showface_demo": showface.showface_demo,
    "showface_tiny": showface.showface_tiny,
}

DEPLOYED: dict[str, Deployed] = {
    **dsa_serving.DEPLOYED,
    **finder_serving.DEPLOYED,
    **gfc_serving.DEPLOYED,
    **lafin_serving.DEPLOYED,
    **parser_serving.DEPLOYED,
    **reference_serving.DEPLOYED,
    **showface_serving.DEPLOYED,
}

# Name -> what runs it whole, from photograph and hole to picture. Which models it opens is what building it says.
SYSTEMS: dict[str, BuildSystem] = {
    **lafin_serving.SYSTEMS,
    **gfc_serving.SYSTEMS,
    **dsa_serving.SYSTEMS,
    **parser_serving.SYSTEMS,
    **reference_serving.SYSTEMS,
    **showface_serving.SYSTEMS,
}

# What the papers print: each room whose system completes pictures.
TABLES: dict[str, PaperTables] = {
    "lafin": lafin_tables.TABLES,
    "gfc": gfc_tables.TABLES,
    "dsa": dsa_tables.TABLES,
    "reference": reference_tables.TABLES,
    "showface": showface_tables.TABLES,
}


def room_of(name: str) -> str:
    """The room of a recipe or of a deployed model: both names begin with it."""
    return name.partition("_")[0]
