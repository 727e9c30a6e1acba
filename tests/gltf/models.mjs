// Small models that are hard to read, each in a folder of its own.
import fs from 'node:fs'
import path from 'node:path'

const write = (folder, name, bytes) => {
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, name), bytes)
}

// A box with a pyramid as its roof on a piece of ground, Y up, as corners and polygons.
const corners = [
  [-9, 0, -9], [9, 0, -9], [9, 0, 9], [-9, 0, 9],
  [-4, 0, -3], [4, 0, -3], [4, 0, 3], [-4, 0, 3],
  [-4, 3, -3], [4, 3, -3], [4, 3, 3], [-4, 3, 3], [0, 5.5, 0],
]
const polygons = [
  ['ground', [3, 2, 1, 0]],
  ['wall', [4, 8, 9, 5]], ['wall', [5, 9, 10, 6]], ['wall', [6, 10, 11, 7]], ['wall', [7, 11, 8, 4]],
  ['roof', [8, 12, 9]], ['roof', [9, 12, 10]], ['glass', [10, 12, 11]], ['glass', [11, 12, 8]],
]
export const boxTriangles = 2 + 4 * 2 + 4
export const boxSize = [18, 5.5, 18]

const zUp = ([x, y, z]) => [x, -z, y]
const survey = ([x, y, z]) => [x + 512345.25, y + 5432100.5, z + 17]

function obj({ place = (p) => p, end = '\n', negative = false, colours = false, normals = false, uvs = false }) {
  const lines = ['mtllib ./box.mtl', '# a box']
  for (const p of corners.map(place))
    lines.push(`v ${p.join(' ')}` + (colours ? ` ${(Math.abs(p[0]) % 10) / 10} 0.5 0.25` : ''))
  if (uvs) for (const p of corners) lines.push(`vt ${p[0] / 9} ${p[2] / 9} 0`)
  if (normals) lines.push('vn 0 1 0')
  for (const [material, polygon] of polygons) {
    lines.push(`usemtl ${material}`, 's off')
    const index = (i) => (negative ? i - corners.length : i + 1)
    lines.push('f ' + polygon.map((i) => `${index(i)}${uvs ? `/${index(i)}` : normals ? '/' : ''}${normals ? '/1' : ''}`).join(' \\' + end + ' '))
  }
  return lines.join(end) + end
}

const mtl = (texture) =>
  `newmtl ground\nKd 0.2 0.6 0.1\n${texture ? 'map_Kd -clamp off textures\\scene.jpg\n' : ''}newmtl wall\nKd 0.9 0.9 0.8\n` +
  'newmtl roof\nKd 0.5 0.1 0.1\nTr 0\nnewmtl glass\nKd 0.1 0.2 0.9\nd 0.4\nnewmtl unused\nKd 1 0 1\n'

function ply(format) {
  const triangles = polygons.flatMap(([, p]) => p.slice(2).map((c, i) => [p[0], p[i + 1], c]))
  const head = `ply\nformat ${format} 1.0\nelement vertex ${corners.length}\nproperty float x\nproperty double y\nproperty float z\n` +
    `property uchar red\nproperty uchar green\nproperty uchar blue\nproperty short quality\nelement face ${triangles.length}\n` +
    'property list uchar int vertex_indices\nend_header\n'
  const rgb = (i) => [i * 19, 200 - i * 10, 90]
  if (format === 'ascii')
    return head + corners.map((p, i) => [...p, ...rgb(i), -1].join(' ')).join('\n') + '\n' + triangles.map((t) => `3 ${t.join(' ')}`).join('\n') + '\n'
  const little = format.includes('little')
  const body = Buffer.alloc(corners.length * 21 + triangles.length * 13)
  const view = new DataView(body.buffer, body.byteOffset)
  corners.forEach((p, i) => {
    const at = i * 21
    view.setFloat32(at, p[0], little)
    view.setFloat64(at + 4, p[1], little)
    view.setFloat32(at + 12, p[2], little)
    rgb(i).forEach((level, k) => view.setUint8(at + 16 + k, level))
    view.setInt16(at + 19, -1, little)
  })
  triangles.forEach((t, i) => {
    const at = corners.length * 21 + i * 13
    view.setUint8(at, 3)
    t.forEach((index, k) => view.setInt32(at + 1 + 4 * k, index, little))
  })
  return Buffer.concat([Buffer.from(head), body])
}

// Returns the files to convert. jpeg is a texture to use.
export function writeModels(folder, jpeg) {
  const models = {
    plain: [obj({ normals: true }), mtl(false)],
    windows: [obj({ end: '\r\n', negative: true }), mtl(false)],
    coloured: [obj({ colours: true }), mtl(false)],
    textured: [obj({ uvs: true, normals: true }), mtl(true)],
    survey: [obj({ place: (p) => survey(zUp(p)), uvs: true }), mtl(true)],
    zup: [obj({ place: zUp }), mtl(false)],
    lonely: [obj({}), null],
  }
  const files = []
  for (const [name, [text, materials]] of Object.entries(models)) {
    write(path.join(folder, name), 'box.obj', text)
    if (materials) write(path.join(folder, name), 'box.mtl', materials)
    write(path.join(folder, name), 'scene.jpg', jpeg)
    files.push(path.join(folder, name, 'box.obj'))
  }
  for (const format of ['ascii', 'binary_little_endian', 'binary_big_endian']) {
    write(path.join(folder, format), 'box.ply', ply(format))
    files.push(path.join(folder, format, 'box.ply'))
  }
  return files
}
