// Masks as files: written as PNG of one bit a pixel, white = to be filled; read from any picture, as the service reads.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const THRESHOLD = 128; // of luminance or alpha, the service's own
const STRIP_ROWS = 256;

/** A mask's bytes (1 = to be filled) as a PNG file. */
export async function maskFile(bytes, width, height) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 1); // one bit, grey (0), and three zeros: deflate, no other filter, not interlaced
  const data = await deflated(packed(bytes, width, height));
  const parts = [chunk("IHDR", new Uint8Array(header.buffer)), chunk("IDAT", data), chunk("IEND", new Uint8Array())];
  return new Blob([new Uint8Array(SIGNATURE), ...parts.flat()], { type: "image/png" });
}

/** The bytes of a mask from a decoded picture: 1 where it is white and not transparent, or, by alpha, transparent. */
export function maskBytes(bitmap, byAlpha) {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, Math.min(STRIP_ROWS, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const bytes = new Uint8Array(width * height);
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, height - top);
    context.clearRect(0, 0, width, rows);
    context.drawImage(bitmap, 0, top, width, rows, 0, 0, width, rows);
    const { data } = context.getImageData(0, 0, width, rows);
    for (let i = 0, at = top * width; i < data.length; i += 4, at += 1) {
      bytes[at] = byAlpha ? Number(data[i + 3] < THRESHOLD) : Number(isWhite(data, i));
    }
  }
  return bytes;
}

function isWhite(data, i) {
  const luminance = (data[i] * 19595 + data[i + 1] * 38470 + data[i + 2] * 7471 + 0x8000) >> 16; // ITU-R 601
  return luminance >= THRESHOLD && data[i + 3] >= THRESHOLD;
}

/** Rows of bits, each behind a zero that says "no filter". */
function packed(bytes, width, height) {
  const stride = 1 + Math.ceil(width / 8);
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y += 1) {
    const row = y * stride + 1;
    const end = (y + 1) * width;
    let at = bytes.subarray(y * width, end).indexOf(1);
    for (at = at < 0 ? end : y * width + at; at < end; at += 1) {
      const x = at - y * width;
      if (bytes[at]) rows[row + (x >> 3)] |= 0x80 >> (x & 7);
    }
  }
  return rows;
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate")); // zlib's form, as PNG's
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Length, name, data, checksum over name and data. */
function chunk(name, data) {
  const letters = Uint8Array.from(name, (letter) => letter.charCodeAt(0));
  const [length, checksum] = [new DataView(new ArrayBuffer(4)), new DataView(new ArrayBuffer(4))];
  length.setUint32(0, data.length);
  checksum.setUint32(0, crc(data, crc(letters, 0xffffffff)) ^ 0xffffffff);
  return [length.buffer, letters, data, checksum.buffer];
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, number) => {
  let value = number;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc(bytes, start) {
  let value = start;
  for (let i = 0; i < bytes.length; i += 1) value = CRC_TABLE[(value ^ bytes[i]) & 0xff] ^ (value >>> 8);
  return value;
}
