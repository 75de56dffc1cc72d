"""Every trap of an upload, with files made here."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.errors import (
    AnimatedImage,
    BadField,
    EmptyHole,
    FullHole,
    InputError,
    SideTooLong,
    SideTooShort,
    SizesDiffer,
    TooManyPixels,
    UnsupportedImage,
)
from service.imaging.decode import HIGHEST_IMAGE_PIXELS, UPRIGHT, ImageLimits, decode_image, decode_mask
from tests.service.imaging.files import (
    ADOBE_RGB,
    DISPLAY_P3,
    LIMITS,
    chunk,
    gradient,
    grey16,
    png,
    saved,
    with_orientation,
)

RGB = gradient()
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def mask_image(height: int = 24, width: int = 32) -> Image.Image:
    """White in the upper left quarter."""
    plane = np.zeros((height, width), np.uint8)
    plane[: height // 2, : width // 2] = 255
    return Image.fromarray(plane)


EXPECTED_HOLE = (np.asarray(mask_image()) > 0).astype(np.uint8)


class TestFormats:
    @pytest.mark.parametrize("name", FORMATS)
    def test_is_told_by_the_bytes(self, name: str) -> None:
        picture = decode_image(
            saved(Image.fromarray(RGB), name, **({"lossless": True} if name == "WEBP" else {})), LIMITS
        )
        assert picture.media_type == FORMATS[name]
        assert picture.size == (24, 32)
        assert picture.alpha is None
        assert np.abs(picture.rgb.astype(int) - RGB).mean() < (8 if name == "JPEG" else 1e-9)

    @pytest.mark.parametrize("name", ["GIF", "BMP", "TIFF", "PPM", "ICO"])
    def test_others_are_refused(self, name: str) -> None:
        with pytest.raises(UnsupportedImage) as caught:
            decode_image(saved(Image.fromarray(RGB), name), LIMITS)
        assert caught.value.errors[0]["allowed"] == ["image/jpeg", "image/png", "image/webp"]

    @pytest.mark.parametrize("data", [b"", b"\0", b"hello, this is text", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
    def test_no_picture_at_all(self, data: bytes) -> None:
        with pytest.raises(UnsupportedImage):
            decode_image(data, LIMITS)

    def test_the_error_repeats_nothing_of_the_upload(self) -> None:
        with pytest.raises(UnsupportedImage) as caught:
            decode_image(b"my secret text", LIMITS, field="reference")
        assert "secret" not in caught.value.detail + str(caught.value.errors)
        assert caught.value.errors[0]["field"] == "reference"

    @pytest.mark.parametrize("name", FORMATS)
    def test_cut_at_any_length_is_refused(self, name: str) -> None:
        data = saved(Image.fromarray(gradient(64, 64)), name)
        for length in range(0, len(data) - 64, max(1, len(data) // 60)):
            with pytest.raises(UnsupportedImage):
                decode_image(data[:length], LIMITS)

    @settings(deadline=None)
    @given(st.integers(0, 10_000), st.binary(min_size=1, max_size=8), st.sampled_from(sorted(FORMATS)))
    def test_damaged_bytes_are_an_input_error_or_a_picture(self, place: int, noise: bytes, name: str) -> None:
        data = bytearray(saved(Image.fromarray(RGB), name))
        data[place % len(data) : place % len(data) + len(noise)] = noise
        try:
            picture = decode_image(bytes(data), LIMITS)
        except InputError:
            return
        assert picture.rgb.ndim == 3

    def test_a_phones_multi_picture_jpeg_is_its_first_picture(self) -> None:
        first, second = Image.fromarray(gradient(64, 64)), Image.fromarray(gradient(64, 64)[::-1].copy())
        data = saved(first, "MPO", save_all=True, append_images=[second], quality=95)
        assert Image.open(BytesIO(data)).n_frames == 2
        picture = decode_image(data, LIMITS)
        assert picture.media_type == "image/jpeg"
        assert np.abs(picture.rgb.astype(int) - gradient(64, 64)).mean() < 8


class TestLimits:
    def test_pixels(self) -> None:
        with pytest.raises(TooManyPixels) as caught:
            decode_image(saved(Image.fromarray(RGB)), ImageLimits(700, 3000, 8))
        assert caught.value.errors == [
            {"field": "image", "actual": 768, "allowed": 700, "setting": "MAX_IMAGE_PIXELS"},
        ]

    def test_sides(self) -> None:
        with pytest.raises(SideTooLong) as caught:
            decode_image(saved(Image.fromarray(RGB)), ImageLimits(4000, 31, 8))
        assert caught.value.errors[0] == {"field": "image", "actual": 32, "allowed": 31, "setting": "MAX_SIDE_PIXELS"}
        with pytest.raises(SideTooShort) as short:
            decode_image(saved(Image.fromarray(RGB)), ImageLimits(4000, 3000, 25))
        assert short.value.errors[0] == {"field": "image", "actual": 24, "allowed": 25, "setting": "MIN_SIDE_PIXELS"}

    def test_limits_are_met_exactly(self) -> None:
        assert decode_image(saved(Image.fromarray(RGB)), ImageLimits(768, 32, 24)).size == (24, 32)

    @pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")  # as in the running service
    @pytest.mark.parametrize(("width", "height"), [(60_000, 60_000), (9_500, 9_500), (2_147_483_647, 2_147_483_647)])
    def test_a_bomb_is_refused_by_its_header(self, width: int, height: int) -> None:
        bomb = png(width, height, 8, 2, b"\0" * 1000)
        with pytest.raises(TooManyPixels) as caught:
            decode_image(bomb, ImageLimits(HIGHEST_IMAGE_PIXELS, 20_000, 8))
        assert caught.value.errors[0]["setting"] == "MAX_IMAGE_PIXELS"

    def test_a_bomb_is_refused_as_a_mask_too(self) -> None:
        with pytest.raises(TooManyPixels) as caught:
            decode_mask(png(60_000, 60_000, 1, 0, b""), LIMITS, size=(24, 32))
        assert caught.value.errors[0]["field"] == "mask"

    @pytest.mark.parametrize("name", ["PNG", "WEBP"])
    def test_animations(self, name: str) -> None:
        frames = [Image.fromarray(gradient()), Image.fromarray(gradient()[::-1].copy())]
        data = saved(frames[0], name, save_all=True, append_images=frames[1:], duration=100)
        with pytest.raises(AnimatedImage) as caught:
            decode_image(data, LIMITS)
        assert caught.value.errors == [{"field": "image", "actual": 2, "allowed": 1}]

    def test_an_animated_gif_is_no_allowed_format(self) -> None:
        frames = [mask_image(), mask_image().rotate(90)]
        with pytest.raises(UnsupportedImage):
            decode_image(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), LIMITS)


class TestPixels:
    def test_16_bit_grey_keeps_its_upper_byte(self) -> None:
        values = np.linspace(0, 65535, 24 * 32).astype(np.uint16).reshape(24, 32)
        picture = decode_image(grey16(values), LIMITS)
        assert np.array_equal(picture.rgb, np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2))

    def test_16_bit_grey_with_a_transparent_value(self) -> None:
        values = np.full((24, 32), 40_000, np.uint16)
        values[3, 4] = 1234
        picture = decode_image(grey16(values, chunk(b"tRNS", struct.pack(">H", 1234))), LIMITS)
        assert picture.alpha is not None
        assert picture.alpha[3, 4] == 0
        assert np.count_nonzero(picture.alpha == 255) == 24 * 32 - 1

    def test_16_bit_colour(self) -> None:
        rows = b"".join(b"\0" + (RGB[y].astype(np.uint16) * 257).astype(">u2").tobytes() for y in range(24))
        assert np.array_equal(decode_image(png(32, 24, 16, 2, rows), LIMITS).rgb, RGB)

    def test_palette_with_transparency(self) -> None:
        indexed = Image.fromarray(np.tile(np.arange(32, dtype=np.uint8) % 3, (24, 1)))
        indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        assert indexed.mode == "P"
        picture = decode_image(saved(indexed, transparency=bytes([0, 128, 255])), LIMITS)
        assert picture.rgb[0, :3].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
        assert picture.alpha is not None
        assert picture.alpha[0, :3].tolist() == [0, 128, 255]

    @pytest.mark.parametrize("mode", ["LA", "RGBA"])
    def test_alpha_is_kept_apart(self, mode: str) -> None:
        image = Image.fromarray(RGB).convert(mode)
        alpha = np.arange(24 * 32, dtype=np.uint16).astype(np.uint8).reshape(24, 32)
        image.putalpha(Image.fromarray(alpha))
        picture = decode_image(saved(image), LIMITS)
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, alpha)
        assert np.array_equal(picture.rgb, RGB if mode == "RGBA" else np.asarray(image.convert("L").convert("RGB")))

    def test_one_bit(self) -> None:
        picture = decode_image(saved(mask_image().convert("1")), LIMITS)
        assert np.array_equal(picture.rgb[..., 1], np.asarray(mask_image()))

    def test_cmyk(self) -> None:
        flat = Image.new("RGB", (32, 24), (200, 80, 40))
        picture = decode_image(saved(flat.convert("CMYK"), "JPEG", quality=95), LIMITS)
        assert np.abs(picture.rgb.astype(int) - (200, 80, 40)).max() <= 6


class TestProfiles:
    @pytest.mark.parametrize("profile", [ADOBE_RGB, DISPLAY_P3], ids=["adobe_rgb", "display_p3"])
    @pytest.mark.parametrize("name", FORMATS)
    def test_wide_colours_become_srgb(self, profile: bytes, name: str) -> None:
        flat = Image.new("RGB", (32, 24), (120, 160, 90))
        options = {"lossless": True} if name == "WEBP" else {}
        plain = decode_image(saved(flat, name, **options), LIMITS).rgb
        converted = decode_image(saved(flat, name, icc_profile=profile, **options), LIMITS).rgb
        assert converted[0, 0, 0] < plain[0, 0, 0] - 5  # the same numbers mean a greener green there
        assert converted[0, 0, 1] >= plain[0, 0, 1]

    def test_neutral_grey_stays_neutral(self) -> None:
        flat = Image.new("RGB", (32, 24), (128, 128, 128))
        converted = decode_image(saved(flat, icc_profile=DISPLAY_P3), LIMITS).rgb[0, 0].astype(int)
        assert np.ptp(converted) <= 2

    def test_alpha_survives_the_profile(self) -> None:
        image = Image.new("RGBA", (32, 24), (120, 160, 90, 77))
        picture = decode_image(saved(image, icc_profile=ADOBE_RGB), LIMITS)
        assert picture.alpha is not None
        assert (picture.alpha == 77).all()
        assert picture.rgb[0, 0, 0] < 115

    def test_srgb_under_any_name_leaves_every_byte(self) -> None:
        from PIL import ImageCms

        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        assert np.array_equal(decode_image(saved(Image.fromarray(RGB), icc_profile=profile), LIMITS).rgb, RGB)

    @pytest.mark.parametrize("profile", [b"rubbish", ADOBE_RGB[:200], ADOBE_RGB[:128] + b"\xff" * 300])
    def test_a_broken_profile_is_ignored(self, profile: bytes) -> None:
        assert np.array_equal(decode_image(saved(Image.fromarray(RGB), icc_profile=profile), LIMITS).rgb, RGB)

    def test_a_profile_for_other_pixels_is_ignored(self) -> None:
        grey = Image.fromarray(RGB[..., 0])
        assert np.array_equal(decode_image(saved(grey, icc_profile=ADOBE_RGB), LIMITS).rgb[..., 0], RGB[..., 0])


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("name", ["PNG", "WEBP"])
    def test_image_comes_upright(self, orientation: int, name: str) -> None:
        options = {"lossless": True} if name == "WEBP" else {}
        stored = Image.fromarray(RGB)
        picture = decode_image(with_orientation(stored, orientation, name, **options), LIMITS)
        method = UPRIGHT.get(orientation)
        assert np.array_equal(picture.rgb, np.asarray(stored if method is None else stored.transpose(method)))
        assert picture.size == ((24, 32) if orientation < 5 else (32, 24))

    def test_6_turns_clockwise(self) -> None:
        """A phone held upright: the top of the face is at the left of the stored pixels."""
        assert np.array_equal(decode_image(with_orientation(Image.fromarray(RGB), 6), LIMITS).rgb, np.rot90(RGB, -1))

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_mask_comes_upright_before_sizes_are_compared(self, orientation: int) -> None:
        size = (24, 32) if orientation < 5 else (32, 24)
        hole = decode_mask(with_orientation(mask_image(), orientation), LIMITS, size=size)
        upright = decode_image(with_orientation(mask_image(), orientation), LIMITS)
        assert np.array_equal(hole, upright.rgb[..., 0] // 255)

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    @pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"])
    def test_broken_exif_counts_as_none(self, exif: bytes) -> None:
        picture = decode_image(saved(Image.fromarray(RGB), "JPEG", exif=exif), LIMITS)
        assert picture.size == (24, 32)

    @pytest.mark.parametrize("orientation", [0, 9, 65535])
    def test_an_unknown_orientation_counts_as_none(self, orientation: int) -> None:
        assert np.array_equal(decode_image(with_orientation(Image.fromarray(RGB), orientation), LIMITS).rgb, RGB)


class TestMask:
    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
    def test_any_mode(self, mode: str) -> None:
        assert np.array_equal(decode_mask(saved(mask_image().convert(mode)), LIMITS, size=(24, 32)), EXPECTED_HOLE)

    def test_16_bit_grey(self) -> None:
        values = np.where(EXPECTED_HOLE > 0, 40_000, 300).astype(np.uint16)  # 300 would be white if it were clipped
        assert np.array_equal(decode_mask(grey16(values), LIMITS, size=(24, 32)), EXPECTED_HOLE)

    @pytest.mark.parametrize("quality", [30, 75, 95])
    def test_grey_edges_of_a_jpeg(self, quality: int) -> None:
        big = mask_image(54, 54)  # the edge at 27 crosses a block of 8 pixels
        data = saved(big, "JPEG", quality=quality)
        assert len(np.unique(np.asarray(Image.open(BytesIO(data))))) > 2
        hole = decode_mask(data, LIMITS, size=(54, 54))
        assert np.array_equal(hole, (np.asarray(big) > 0).astype(np.uint8))

    def test_threshold(self) -> None:
        plane = np.zeros((24, 32), np.uint8)
        plane[0, 0], plane[0, 1] = 127, 128
        hole = decode_mask(saved(Image.fromarray(plane)), LIMITS, size=(24, 32))
        assert (hole[0, 0], hole[0, 1], int(hole.sum())) == (0, 1, 1)

    def test_strokes_on_a_transparent_layer(self) -> None:
        """Transparent white is not painted: it counts as black."""
        layer = np.full((24, 32, 4), (255, 255, 255, 0), np.uint8)
        layer[EXPECTED_HOLE > 0, 3] = 255
        assert np.array_equal(decode_mask(saved(Image.fromarray(layer)), LIMITS, size=(24, 32)), EXPECTED_HOLE)

    def test_alpha_mode_transparent_is_the_hole(self) -> None:
        layer = np.dstack((RGB, np.where(EXPECTED_HOLE > 0, 0, 255).astype(np.uint8)))
        hole = decode_mask(saved(Image.fromarray(layer)), LIMITS, mode="alpha", size=(24, 32))
        assert np.array_equal(hole, EXPECTED_HOLE)

    def test_alpha_mode_needs_an_alpha_channel(self) -> None:
        with pytest.raises(BadField) as caught:
            decode_mask(saved(mask_image()), LIMITS, mode="alpha", size=(24, 32))
        assert caught.value.errors[0]["field"] == "mask_mode"

    def test_invert(self) -> None:
        hole = decode_mask(saved(mask_image()), LIMITS, invert=True, size=(24, 32))
        assert np.array_equal(hole, 1 - EXPECTED_HOLE)

    def test_dilate_by_a_disc(self) -> None:
        plane = np.zeros((24, 32), np.uint8)
        plane[12, 16] = 255
        hole = decode_mask(saved(Image.fromarray(plane)), LIMITS, dilate_pixels=5, size=(24, 32))
        rows, columns = np.mgrid[:24, :32]
        assert np.array_equal(hole, ((rows - 12) ** 2 + (columns - 16) ** 2 <= 25).astype(np.uint8))

    def test_sizes_differ_names_both(self) -> None:
        with pytest.raises(SizesDiffer, match=r"32 x 24.*40 x 30") as caught:
            decode_mask(saved(mask_image()), LIMITS, size=(30, 40))
        assert caught.value.errors == [{"field": "mask", "actual": [32, 24], "allowed": [40, 30]}]

    def test_empty(self) -> None:
        with pytest.raises(EmptyHole):
            decode_mask(saved(Image.new("L", (32, 24), 127)), LIMITS, size=(24, 32))

    def test_full_has_a_hint(self) -> None:
        with pytest.raises(FullHole, match="mask_invert"):
            decode_mask(saved(Image.new("L", (32, 24), 255)), LIMITS, size=(24, 32))

    def test_full_by_dilation(self) -> None:
        with pytest.raises(FullHole):
            decode_mask(saved(mask_image()), LIMITS, dilate_pixels=100, size=(24, 32))

    def test_cut_mask(self) -> None:
        data = saved(mask_image(64, 64), "JPEG")
        with pytest.raises(UnsupportedImage) as caught:
            decode_mask(data[: len(data) // 2], LIMITS, size=(64, 64))
        assert caught.value.errors[0]["field"] == "mask"


def test_a_text_chunk_that_explodes_is_refused() -> None:
    text = chunk(b"zTXt", b"comment\0\0" + zlib.compress(b"a" * 100_000_000, 9))
    rows = b"".join(b"\0" + RGB[y].tobytes() for y in range(24))
    with pytest.raises(UnsupportedImage):
        decode_image(png(32, 24, 8, 2, rows, text), LIMITS)


def test_the_running_service_turns_the_bomb_warning_into_an_error() -> None:
    code = "import warnings, service.imaging.decode; print([f[0] for f in warnings.filters if 'Bomb' in f[2].__name__])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "['error']"
