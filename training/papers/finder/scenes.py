"""Scenes to train the finder on: photographs composed of heads and face-free pictures, and real ones with people.

Scene i of a row is always the same: it follows from (seed, i). A pasted head must not betray itself by its edge, so
the same outlines are also filled with what is no face, holes and covers also lie where no face is, whole crops fill the
scene, and real photographs are among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.papers.finder import hiding
from training.papers.finder.covers import Place, cover
from training.papers.finder.pasting import (
    around_point,
    draw_roll,
    mirrored,
    paste,
    recoloured,
    similarity,
    with_opacity,
)
from training.papers.finder.photography import photograph
from training.papers.finder.points import FLIP_ORDER, POINT_COUNT, centre_of, degrees_of, five_points, size_of
from training.papers.finder.sources import Backdrops, Heads, People, Rgb

MOST_LABELS = 12
LABEL_NUMBERS = 2 * POINT_COUNT + 1  # five points (x, y) in pixels, then the kind
SMALLEST_PIXELS, SMALLEST_SURE_PIXELS = 22.0, 20.0  # size of a pasted face; smaller ones of photographs are uncertain
PEOPLE, PORTRAIT = 0.16, 0.12  # how often a scene is a photograph of people, or one face's own surroundings
BARE = 0.18  # how often it has no face at all, and holes like those over faces
DECOYS, DECOY_IN_PEOPLE = (0.6, 0.3, 0.1), 0.4  # of one to three of these; how often one lies in a photograph of people
HIDDEN, COVERED = 0.45, 0.2  # how often a face has a hole or a cover
GHOST_HIDDEN, GHOST_EMPTY = 0.7, 0.5  # how often a place without a face has a hole, and how often it is just backdrop
MARGIN = 0.3  # how often the scene ends before the frame does, the rest being unknown
CROWDS = (0.2, 0.16, 0.16, 0.14, 0.12, 0.1, 0.07, 0.05)  # how often a pasted scene is given so many faces
CLEAR, TRACE = 0.25, 0.08  # of the disc around a face: enough to be found, nothing at all
DISC = 0.9  # its radius, in sizes
INNER_DISC, BARE = 0.5, 0.45  # of this disc so much lies in the scene and under nothing that was pasted later


@dataclass
class Scene:
    """A scene on its way: picture [S,S,3], hole [S,S], and the faces in it."""

    picture: Rgb
    hole: NDArray[np.uint8]
    places: list[Place]  # of the faces
    ghosts: list[Place]  # where a face could be and is none
    points: list[NDArray[np.float32]]  # [5,2] of each face
    sure: list[bool]
    layers: NDArray[np.uint8]  # [S,S], 0 the backdrop, then what was pasted, in order
    own: list[int]  # the layer of each face


class Composer:
    """Makes scenes of `pixels` a side from heads, backdrops and photographs of people (None: none of them)."""

    def __init__(self, heads: Heads, backdrops: Backdrops, people: People | None, pixels: int) -> None:
        self.heads, self.backdrops, self.people, self.pixels = heads, backdrops, people, pixels

    def compose(self, rng: np.random.Generator) -> tuple[Rgb, NDArray[np.uint8], NDArray[np.float32]]:
        """Picture [S,S,3], hole [S,S], labels [12,11]."""
        choice = float(rng.random())
        if self.people is not None and choice < PEOPLE:
            scene = self.with_people(rng)
        elif choice < PEOPLE + PORTRAIT:
            scene = self.portrait(rng)
        elif choice < PEOPLE + PORTRAIT + BARE:
            scene = self.bare(rng)
        else:
            scene = self.pasted(rng)
        for place in scene.places + scene.ghosts:
            if rng.random() < COVERED:
                cover(scene.picture, place, rng)
        picture = photograph(scene.picture, rng)
        self.hide(scene, rng)
        return picture, scene.hole, self.labels(scene)

    def pasted(self, rng: np.random.Generator) -> Scene:
        """Heads, and outlines of heads filled with other things, on a face-free picture."""
        scene = self.empty(self.backdrop(rng))
        for _ in range(int(rng.choice(3, p=(0.55, 0.3, 0.15)))):
            self.paste_ghost(scene, rng)
        for _ in range(int(rng.choice(len(CROWDS), p=CROWDS))):
            self.paste_face(scene, rng)
        return scene

    def bare(self, rng: np.random.Generator) -> Scene:
        """A face-free picture from which things are taken out, as people do it: with an ellipse, or another hole."""
        scene = self.empty(self.backdrop(rng))
        for _ in range(1 + int(rng.choice(len(DECOYS), p=DECOYS))):
            self.hide_no_face(scene, rng)
        return scene

    def hide_no_face(self, scene: Scene, rng: np.random.Generator) -> None:
        """A hole like those over faces, away from those that are there."""
        place, _ = self.draw_place(scene, rng)
        if place is not None:
            hiding.hide(scene.hole, place, hiding.decoy_kind(rng), rng)

    def portrait(self, rng: np.random.Generator) -> Scene:
        """One crop that fills the scene; what lies beyond it is its mirror image."""
        index = int(rng.integers(len(self.heads)))
        size = self.pixels * float(rng.uniform(0.4, 1.1))
        rgba, landmarks = self.heads.at(index, 2 * size)
        rgba, landmarks = mirrored(rgba, landmarks, rng)
        shift = max(0.0, 2 * size - self.pixels) * 0.6 + 0.1 * self.pixels
        middle = self.pixels / 2 + rng.uniform(-1, 1, 2) * shift * 0.7
        matrix = similarity(rgba.shape[0], 2 * size, draw_roll(rng), middle)
        picture = cv2.warpAffine(
            np.ascontiguousarray(rgba[..., :3]), matrix, (self.pixels, self.pixels), borderMode=cv2.BORDER_REFLECT_101
        )
        scene = self.empty(np.asarray(picture, dtype=np.uint8))
        self.add_face(scene, Place(matrix, rgba.shape[0], landmarks))
        return scene

    def with_people(self, rng: np.random.Generator) -> Scene:
        """A photograph, turned and scaled around one of its faces; beyond its border everything is missing."""
        assert self.people is not None
        index = int(rng.integers(len(self.people)))
        picture = self.people.image(index)
        points, sure = self.people.points(index)
        chosen = int(rng.integers(len(points)))
        size = float(np.exp(rng.uniform(np.log(SMALLEST_PIXELS), np.log(self.pixels * 0.45))))
        scale = min(size / max(1.0, float(size_of(points[chosen]))), 6.0)
        turn = float(rng.normal(0, 12)) if rng.random() < 0.6 else float(rng.uniform(-180, 180))
        flipped = rng.random() < 0.5
        if scale < 0.6:  # warping does not average
            picture, shrunk = self.people.smaller(index, scale / 0.8)
            points, scale = (points + 0.5) * shrunk - 0.5, scale / float(shrunk.mean())
        goal = rng.uniform(0.15, 0.85, 2) * self.pixels
        matrix = around_point(centre_of(points[chosen]), scale, turn, goal, flipped)
        size_pixels = (self.pixels, self.pixels)
        scene = self.empty(np.asarray(cv2.warpAffine(picture, matrix, size_pixels), dtype=np.uint8))
        outside = np.ones(picture.shape[:2], np.uint8)
        scene.hole[cv2.warpAffine(outside, matrix, size_pixels, flags=cv2.INTER_NEAREST) == 0] = 1
        for face, is_sure in zip(points, sure, strict=True):
            moved = np.asarray(face @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)
            moved = moved[FLIP_ORDER] if flipped else moved
            scene.points.append(moved)
            scene.sure.append(bool(is_sure) and float(size_of(moved)) >= SMALLEST_SURE_PIXELS)
            scene.places.append(self.borrowed(moved, rng))
            scene.own.append(0)
        if rng.random() < DECOY_IN_PEOPLE:
            self.hide_no_face(scene, rng)
        return scene

    def borrowed(self, points: NDArray[np.float32], rng: np.random.Generator) -> Place:
        """The 68 landmarks of some head, laid on five points."""
        rgba, landmarks = self.heads.at(int(rng.integers(len(self.heads))), 64)
        own = five_points(landmarks)
        turn = degrees_of(points) - degrees_of(own)
        scale = float(size_of(points)) / max(1.0, float(size_of(own)))
        return Place(around_point(centre_of(own), scale, turn, centre_of(points), False), rgba.shape[0], landmarks)

    def paste_face(self, scene: Scene, rng: np.random.Generator) -> None:
        place, rgba = self.draw_place(scene, rng)
        if place is not None:
            paste(scene.picture, scene.layers, recoloured(rgba, rng), place.matrix)
            self.add_face(scene, place)

    def paste_one(
        self, scene: Scene, size: float, roll: float, middle: NDArray[np.float64], rng: np.random.Generator
    ) -> None:
        """Any head, of this size and clockwise roll, there."""
        rgba, landmarks = self.heads.at(int(rng.integers(len(self.heads))), 2 * size * 0.9)
        rgba, landmarks = mirrored(rgba, landmarks, rng)
        place = Place(similarity(rgba.shape[0], 2 * size, roll, middle), rgba.shape[0], landmarks)
        paste(scene.picture, scene.layers, recoloured(with_opacity(rgba, rng), rng), place.matrix)
        self.add_face(scene, place)

    def paste_ghost(self, scene: Scene, rng: np.random.Generator) -> None:
        """A head's outline filled with a piece of another picture, with one colour, or with nothing at all."""
        place, rgba = self.draw_place(scene, rng)
        if place is None:
            return
        scene.ghosts.append(place)
        choice = rng.random()
        if choice < GHOST_EMPTY:
            return
        filling = self.backdrop(rng)
        side = rgba.shape[0]
        rgb = cv2.resize(filling, (side, side), interpolation=cv2.INTER_AREA)
        if choice < GHOST_EMPTY + 0.15:  # of the head's own colours, without its features
            small = cv2.resize(rgba, (5, 5), interpolation=cv2.INTER_AREA)
            rgb = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)[..., :3]
        paste(scene.picture, scene.layers, np.dstack((rgb, rgba[..., 3])), place.matrix)

    def draw_place(self, scene: Scene, rng: np.random.Generator) -> tuple[Place | None, NDArray[np.uint8]]:
        """A head and where it goes, away from those that are there; None where nothing is free."""
        index = int(rng.integers(len(self.heads)))
        largest = self.pixels * (0.9 if not scene.points else 0.35)
        size = float(np.exp(rng.uniform(np.log(SMALLEST_PIXELS), np.log(largest))))
        rgba, landmarks = self.heads.at(index, 2 * size * 0.9)
        rgba, landmarks = mirrored(rgba, landmarks, rng)
        rgba = with_opacity(rgba, rng)
        roll = draw_roll(rng)
        for _ in range(5):
            middle = rng.uniform(-0.05, 1.05, 2) * self.pixels
            taken = scene.points + [five_points(ghost.to_scene(ghost.landmarks)) for ghost in scene.ghosts]
            if all(np.hypot(*(middle - centre_of(p))) > 0.9 * max(size, float(size_of(p))) for p in taken):
                return Place(similarity(rgba.shape[0], 2 * size, roll, middle), rgba.shape[0], landmarks), rgba
        return None, rgba

    def add_face(self, scene: Scene, place: Place) -> None:
        scene.places.append(place)
        scene.points.append(five_points(place.to_scene(place.landmarks)))
        scene.sure.append(True)
        scene.own.append(int(scene.layers.max()))

    def empty(self, picture: Rgb) -> Scene:
        layers = np.zeros((self.pixels, self.pixels), np.uint8)
        return Scene(picture, np.zeros((self.pixels, self.pixels), np.uint8), [], [], [], [], layers, [])

    def backdrop(self, rng: np.random.Generator) -> Rgb:
        """A window of a face-free picture, or a plain one."""
        if rng.random() < 0.08:
            colours = rng.integers(256, size=(2, 2, 3)).astype(np.uint8)
            colours = colours if rng.random() < 0.5 else np.repeat(colours[:1], 2, 0)[:, [0, 0]]
            return np.asarray(cv2.resize(colours, (self.pixels, self.pixels)), dtype=np.uint8)
        source = self.backdrops.image(int(rng.integers(len(self.backdrops))))
        side = round(min(source.shape[:2]) * float(rng.uniform(0.5, 1.0)))
        top, left = (int(rng.integers(0, length - side + 1)) for length in source.shape[:2])
        window = source[top : top + side, left : left + side]
        window = np.rot90(window[:, ::-1] if rng.random() < 0.5 else window, int(rng.choice(4, p=(0.7, 0.1, 0.1, 0.1))))
        return np.asarray(cv2.resize(np.ascontiguousarray(window), (self.pixels, self.pixels)), dtype=np.uint8)

    def hide(self, scene: Scene, rng: np.random.Generator) -> None:
        """Holes over faces, over places without a face, anywhere, and beyond the photograph's border."""
        often = [HIDDEN] * len(scene.places) + [GHOST_HIDDEN] * len(scene.ghosts)
        for place, chance in zip(scene.places + scene.ghosts, often, strict=True):
            if rng.random() < chance:
                hiding.hide(scene.hole, place, hiding.any_kind(rng), rng)
        choice = float(rng.random())
        if choice < hiding.INVERTED and scene.places:
            only = np.zeros_like(scene.hole)
            for place in scene.places:
                hiding.hide(only, place, "inner face", rng)
            scene.hole[:] = 1 - only
        elif choice < hiding.INVERTED + hiding.PAINTED:
            hiding.hide_somewhere(scene.hole, rng)
        if rng.random() < MARGIN:
            width, height = (int(v) for v in self.pixels * rng.uniform(0.55, 1.0, 2))
            if rng.random() < 0.7:
                width, height = (self.pixels, height) if rng.random() < 0.5 else (width, self.pixels)
            left, top = (int(rng.integers(0, self.pixels - v + 1)) * (rng.random() < 0.5) for v in (width, height))
            beyond = np.ones_like(scene.hole)
            beyond[top : top + height, left : left + width] = 0
            np.maximum(scene.hole, beyond, out=scene.hole)

    def labels(self, scene: Scene) -> NDArray[np.float32]:
        """[12,11]: five points and a kind: 1 a face to be found, -1 uncertain, 0 nothing."""
        labels = np.zeros((MOST_LABELS, LABEL_NUMBERS), np.float32)
        used = 0
        for points, sure, own in zip(scene.points, scene.sure, scene.own, strict=True):
            centre, size = centre_of(points), float(size_of(points))
            seen = hiding.seen_share(scene.hole, centre, DISC * size)
            bare = hiding.seen_share((scene.layers > own).astype(np.uint8), centre, INNER_DISC * size)
            if seen >= TRACE and used < MOST_LABELS:
                is_face = sure and seen >= CLEAR and bare >= BARE
                labels[used] = (*points.reshape(-1), 1 if is_face else -1)
                used += 1
        return labels
