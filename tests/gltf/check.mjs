// Converts models and looks at every GLB with other people's eyes: check.mjs SUNLEAD HOUSE_FILES FOLDER
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import jpeg from 'jpeg-js'
import { MeshoptDecoder } from 'meshoptimizer'
import * as THREE from 'three'
import { GLTFLoader } from 'three/addons/loaders/GLTFLoader.js'
import { USDLoader } from 'three/addons/loaders/USDLoader.js'
import validator from 'gltf-validator'
import { boxSize, boxTriangles, writeModels } from './models.mjs'

const [sunlead, houseFiles, folder] = process.argv.slice(2)
const convert = (...args) => execFileSync(sunlead, ['mesh', 'convert', ...args])
const readJson = (file) => JSON.parse(fs.readFileSync(file))

await MeshoptDecoder.ready
const loader = new GLTFLoader()
loader.setMeshoptDecoder(MeshoptDecoder)
// Node shows no pictures; they are compared below.
loader.register(() => ({ name: 'no pictures', loadTexture: async () => new THREE.Texture() }))
THREE.ImageLoader.prototype.load = (url, onLoad) => onLoad({ width: 1, height: 1 })

// The JSON of a GLB and the bytes of its images.
function open(bytes) {
  const jsonLength = bytes.readUInt32LE(12)
  const json = JSON.parse(bytes.subarray(20, 20 + jsonLength))
  const bin = bytes.subarray(28 + jsonLength)
  const images = (json.images ?? []).map(({ bufferView }) => {
    const view = json.bufferViews[bufferView]
    return bin.subarray(view.byteOffset, view.byteOffset + view.byteLength)
  })
  return { json, images }
}

// Triangles and places of a scene. vUp: texture coordinates count from below.
function measure(scene, vUp) {
  scene.updateMatrixWorld(true)
  const found = { triangles: 0, area: 0, moment: new THREE.Vector3(), uv: new THREE.Vector2() }
  found.box = new THREE.Box3().setFromObject(scene, true)
  const corners = [new THREE.Vector3(), new THREE.Vector3(), new THREE.Vector3()]
  const triangle = new THREE.Triangle(...corners)
  const uv = new THREE.Vector2()
  scene.traverse((mesh) => {
    if (!mesh.isMesh) return
    const { index, attributes } = mesh.geometry
    const vertex = (i) => (index ? index.getX(i) : i)
    const count = (index ?? attributes.position).count
    const transform = mesh.material.map?.matrix
    mesh.material.map?.updateMatrix()
    found.triangles += count / 3
    for (let i = 0; i < count; i += 3) {
      corners.forEach((corner, k) => corner.fromBufferAttribute(attributes.position, vertex(i + k)).applyMatrix4(mesh.matrixWorld))
      const area = triangle.getArea()
      found.area += area
      for (let k = 0; k < 3; k++) {
        found.moment.addScaledVector(corners[k], area / 3)
        if (!attributes.uv) continue
        uv.fromBufferAttribute(attributes.uv, vertex(i + k))
        if (transform) uv.applyMatrix3(transform)
        if (vUp) uv.y = 1 - uv.y
        found.uv.addScaledVector(uv, area / 3)
      }
    }
  })
  return found
}

const toArrayBuffer = (bytes) => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)

// What three.js and meshoptimizer make of a GLB.
const decode = async (bytes) => measure((await loader.parseAsync(toArrayBuffer(bytes), '')).scene, false)

// What three.js makes of a USDZ.
function decodeUsdz(bytes, isTextured) {
  const scene = new USDLoader().parse(toArrayBuffer(bytes))
  scene.traverse(({ isMesh, material, geometry }) => {
    if (!isMesh) return
    assert.equal(material.roughness, 1)
    assert.equal(material.metalness, 0)
    if (!isTextured) return
    assert.ok(geometry.attributes.uv && material.emissiveMap)
    assert.equal(material.color.getHex(), 0)
  })
  return measure(scene, true)
}

function assertNear(actual, wanted, within, what) {
  assert.ok(Math.abs(actual - wanted) <= within, `${what}: ${actual} instead of ${wanted}`)
}

async function validate(file, bytes) {
  const { issues } = await validator.validateBytes(new Uint8Array(bytes))
  assert.equal(issues.numErrors + issues.numWarnings, 0, `${file}: ${JSON.stringify(issues.messages, null, 1)}`)
}

// All that is in a folder of products, against its manifest and among each other.
async function checkProducts(out) {
  const manifest = readJson(path.join(out, 'manifest.json'))
  const { min, max } = manifest.bounds
  const longest = Math.max(...max.map((m, i) => m - min[i]))
  const found = {}
  for (const { name, bytes: size, triangles } of manifest.files.filter(({ name }) => name.endsWith('.glb'))) {
    const file = path.join(out, name)
    const bytes = fs.readFileSync(file)
    assert.equal(bytes.length, size)
    await validate(file, bytes)
    const { json } = open(bytes)
    const isSmall = json.extensionsRequired?.includes('EXT_meshopt_compression') ?? false
    assert.equal(isSmall, name !== 'ar.glb')
    if (!isSmall) assert.equal(json.extensionsRequired, undefined)
    const decoded = (found[name] = await decode(bytes))
    assert.equal(decoded.triangles, triangles, file)
    if (triangles !== manifest.triangles) continue
    const within = (isSmall ? longest / 16383 / 2 : 0) + longest * 1e-6
    for (let i = 0; i < 3; i++) {
      assertNear(decoded.box.min.getComponent(i), min[i], within, `${file} min`)
      assertNear(decoded.box.max.getComponent(i), max[i], within, `${file} max`)
    }
  }
  const ar = found['ar.glb']
  const isTextured = manifest.textures.length > 0 && manifest.textures[0].name === 'scene.jpg' && out.includes('house')
  const usdz = (found['model.usdz'] = decodeUsdz(fs.readFileSync(path.join(out, 'model.usdz')), isTextured))
  assert.equal(usdz.triangles, ar.triangles)
  for (let i = 0; i < 3; i++) {
    assertNear(usdz.box.min.getComponent(i), ar.box.min.getComponent(i), longest / 16383 / 2 + longest * 1e-6, `${out} usdz min`)
    assertNear(usdz.box.max.getComponent(i), ar.box.max.getComponent(i), longest / 16383 / 2 + longest * 1e-6, `${out} usdz max`)
  }
  for (const name of ['hd.glb', 'model.usdz']) {
    const other = found[name]
    if (other.triangles !== ar.triangles) continue
    assertNear(other.area, ar.area, ar.area * 2e-3, `${out} ${name} area`)
    for (const axis of ['x', 'y', 'z']) assertNear(other.moment[axis], ar.moment[axis], ar.area * longest * 1e-4, `${out} ${name} moment`)
    for (const axis of ['x', 'y']) assertNear(other.uv[axis], ar.uv[axis], ar.area * 1e-3, `${out} ${name} uv`)
  }
  assert.ok(jpeg.decode(fs.readFileSync(path.join(out, 'poster.jpg'))).width === 640)
  return manifest
}

// The mean of what each pixel covers, as [r, g, b, ...].
function shrink(image, width, height) {
  const out = new Float64Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [x0, x1, y0, y1] = [(x * image.width) / width, ((x + 1) * image.width) / width, (y * image.height) / height, ((y + 1) * image.height) / height]
      let all = 0
      for (let sy = Math.floor(y0); sy < y1; sy++)
        for (let sx = Math.floor(x0); sx < x1; sx++) {
          const share = (Math.min(sx + 1, x1) - Math.max(sx, x0)) * (Math.min(sy + 1, y1) - Math.max(sy, y0))
          all += share
          for (let c = 0; c < 3; c++) out[(y * width + x) * 3 + c] += image.data[(sy * image.width + sx) * 4 + c] * share
        }
      for (let c = 0; c < 3; c++) out[(y * width + x) * 3 + c] /= all
    }
  return out
}

function psnr(source, other) {
  const wanted = shrink(source, other.width, other.height)
  let sum = 0
  for (let i = 0; i < wanted.length; i++) sum += (wanted[i] - other.data[Math.floor(i / 3) * 4 + (i % 3)]) ** 2
  return 10 * Math.log10(255 ** 2 / (sum / wanted.length))
}

function checkTexture(house, side) {
  const file = path.join(house, `texture-${side}.glb`)
  convert(path.join(house, 'scene.obj'), file, '--texture', String(side))
  const source = fs.readFileSync(path.join(house, 'scene.jpg'))
  const { images } = open(fs.readFileSync(file))
  assert.equal(images.length, 1)
  const image = jpeg.decode(images[0])
  const whole = jpeg.decode(source)
  assert.equal(image.width, Math.min(side, whole.width))
  const ratio = psnr(whole, image)
  console.log(`${file}: PSNR ${ratio.toFixed(1)} dB, ${images[0].length} bytes`)
  assert.ok(ratio >= 35, `${file}: PSNR ${ratio} dB`)
}

const houses = [1, 2].map((n) => path.join(folder, `house${n}`))
execFileSync(houseFiles, houses)
for (const house of houses) {
  for (const name of ['scene.obj', 'scene.ply']) {
    const out = path.join(house, name + '.out')
    convert(path.join(house, name), out)
    const manifest = await checkProducts(out)
    assert.deepEqual(manifest.warnings, [])
    assert.equal(manifest.source.up_axis, 'y')
  }
  // Fewer triangles than there are: the model keeps its size.
  const few = path.join(house, 'few.glb')
  convert(path.join(house, 'scene.obj'), few, '--triangles', '4000')
  await validate(few, fs.readFileSync(few))
  const { triangles, box } = await decode(fs.readFileSync(few))
  console.log(`${few}: ${triangles} triangles`)
  assert.ok(triangles > 1000 && triangles < 9000)
  const { min, max } = readJson(path.join(house, 'scene.obj.out', 'manifest.json')).bounds
  const within = 0.01 * Math.max(...max.map((m, i) => m - min[i]))
  for (let i = 0; i < 3; i++) {
    assertNear(box.min.getComponent(i), min[i], within, `${few} min`)
    assertNear(box.max.getComponent(i), max[i], within, `${few} max`)
  }
}
for (const side of [512, 700, 1024, 2048]) checkTexture(houses[0], side)

// Noise is the hardest that a texture can have.
const noisy = path.join(folder, 'noise')
const noise = { width: 1200, height: 800, data: Buffer.alloc(1200 * 800 * 4) }
for (let i = 0, seed = 1; i < noise.data.length; i++) noise.data[i] = (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 24
fs.cpSync(houses[0], noisy, { recursive: true })
fs.writeFileSync(path.join(noisy, 'scene.jpg'), jpeg.encode(noise, 95).data)
for (const side of [300, 700, 1024, 2048]) checkTexture(noisy, side)

for (const file of writeModels(folder, fs.readFileSync(path.join(houses[0], 'scene.jpg')))) {
  const out = path.join(path.dirname(file), 'out')
  convert(file, out)
  const manifest = await checkProducts(out)
  assert.equal(manifest.triangles, boxTriangles, file)
  const { min, max } = manifest.bounds
  max.forEach((m, i) => assertNear(m - min[i], boxSize[i], 1e-3, `${file} size`))
  assert.deepEqual([min[0] + max[0], min[1], min[2] + max[2]], [0, 0, 0], file)
  assert.equal(manifest.source.up_axis, /survey|zup/.test(file) ? 'z' : 'y')
  assert.equal(manifest.warnings.length, file.includes('lonely') ? 1 : 0, file)
}
// What is broken is told in one line, and nothing is written.
fs.writeFileSync(path.join(folder, 'broken.obj'), 'v 0 0 0\nv 1 0 0\nf 1 2 3\n')
for (const [args, status, words] of [
  [['broken.obj', 'broken.out'], 1, 'broken.obj, line 3: there is no v 3, only 2'],
  [['missing.obj', 'broken.out'], 1, 'missing.obj: No such file'],
  [['house1/scene.jpg', 'broken.out'], 2, 'scene.jpg is neither .obj nor .ply'],
  [['house1/scene.obj', 'no/such/folder.glb'], 1, 'No such file'],
]) {
  const { status: exit, stderr } = spawnSync(sunlead, ['mesh', 'convert', ...args], { cwd: folder, encoding: 'utf8' })
  assert.equal(exit, status)
  assert.match(stderr, /^sunlead: .*\n$/)
  assert.ok(stderr.includes(words), stderr)
  assert.ok(!fs.existsSync(path.join(folder, 'broken.out')))
}
console.log('all models are as they should be')
