"""Face parser: BiSeNet (Yu et al. 2018) with a ResNet-18 context path."""
