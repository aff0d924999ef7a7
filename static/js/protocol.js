// A frame: four bytes of length, big-endian, then that many bytes of JSON, then an image file.

export function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const image = new Blob([new Uint8Array(buffer, 4 + length)], { type: `image/${header.format}` });
  return { header, image };
}
