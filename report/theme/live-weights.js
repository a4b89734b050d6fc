// Saves the weights of a network of the page as an .npz file, which NumPy reads: a ZIP archive of
// .npy files, stored as they are. Each array is called as its variable in Keras.
const liveWeights = (function () {
  'use strict';

  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit++) n = n & 1 ? n >>> 1 ^ 0xedb88320 : n >>> 1;
    return n;
  });
  const checksum = bytes =>
    ~bytes.reduce((sum, byte) => sum >>> 8 ^ table[(sum ^ byte) & 255], -1) >>> 0;
  const letters = text => Uint8Array.from(text, letter => letter.charCodeAt(0));

  // Little-endian numbers of 2 and 4 bytes, in a row of [number, bytes].
  function numbers(...pairs) {
    return pairs.flatMap(([number, bytes]) =>
      Array.from({ length: bytes }, (_, n) => number >>> 8 * n & 255));
  }

  // The format of numpy.lib.format, version 1.0.
  function npy({ shape, data }) {
    const bytes = letters(atob(data));
    const count = shape.reduce((product, side) => product * side, 1);
    const kind = '<f' + bytes.length / count;
    const sides = shape.join(', ') + (shape.length === 1 ? ',' : '');
    let header = "{'descr': '" + kind + "', 'fortran_order': False, 'shape': (" + sides + '), }';
    header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
    return Uint8Array.from([0x93, ...letters('NUMPY'), 1, 0, ...numbers([header.length, 2]),
      ...letters(header), ...bytes]);
  }

  // Each file with a header of its own, then the directory of all, then its end (PKWARE, APPNOTE).
  function zip(files) {
    const parts = [];
    const directory = [];
    let place = 0;
    files.forEach(({ name, content }) => {
      const facts = numbers([20, 2], [0, 2], [0, 2], [0, 2], [0x21, 2], [checksum(content), 4],
        [content.length, 4], [content.length, 4], [name.length, 2], [0, 2]);
      const header = Uint8Array.from([...numbers([0x04034b50, 4]), ...facts, ...letters(name)]);
      directory.push(...numbers([0x02014b50, 4], [20, 2]), ...facts,
        ...numbers([0, 2], [0, 2], [0, 2], [0, 4], [place, 4]), ...letters(name));
      parts.push(header, content);
      place += header.length + content.length;
    });
    const end = numbers([0x06054b50, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2],
      [directory.length, 4], [place, 4], [0, 2]);
    return new Blob([...parts, Uint8Array.from([...directory, ...end])]);
  }

  const pack = network => zip(network.layers.flatMap(layer =>
    Object.entries(layer.stored).map(([name, array]) =>
      ({ name: layer.name + '/' + name + '.npy', content: npy(array) }))));

  function save(network) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(pack(network));
    link.download = network.facts.experiment.replace(/\W+/g, '-') + '-seed-' + network.facts.seed
      + '.npz';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  return { save };
}());
