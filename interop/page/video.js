// A browser with a camera makes and takes video calls on the page `/call-demo`. The phone at the other end shows an even
// grey, which has to be seen in the page; and the phone has to see what the camera shows, also after pictures were lost.
// usage: node video.js PATH-TO-WAGO   (a build with the feature `sandbox`; CHROMIUM names the browser)
import assert from 'node:assert/strict'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { ADMIN, sandbox, steps } from '../sandbox.js'
import { PATIENCE, ask, until } from './caller.js'

const [ALICE, BOB] = ['15550000001', '15550000002']
/** What the phone's camera sends. */
const SIZE = { width: 96, height: 64 }
/** How far a grey may be from what it was, of 255: it is said in 220 steps. */
const NEAR = 3

const { gateway, network, stop } = await sandbox(process.argv[2])

const phone = (number, action, wish = {}) => ask(network, 'POST', `/phones/${number}/call/${action}`, {}, wish)
const session = (method, path, body) => ask(gateway, method, path, { token: 'shop-token' }, body)

const phoneSaw = async (number) => (await ask(network, 'GET', `/phones/${number}/calls`)).at(-1).seen
const phoneSees = async (number, more) => {
  const { pictures } = await phoneSaw(number)
  return until(`${more} pictures more at the phone`, async () => {
    const seen = await phoneSaw(number)
    return { so: seen.pictures >= pictures + more, ...seen }
  })
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
  ],
  defaultViewport: { width: 900, height: 1200 },
})
const page = await browser.newPage()
const complaints = []
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))

const shows = (selector, text) =>
  page.waitForFunction((s, t) => [...document.querySelectorAll(s)].some((e) => e.checkVisibility() && e.textContent.includes(t)), PATIENCE, selector, text)
const press = (selector) => page.locator(selector).setTimeout(PATIENCE.timeout).click()
const snapshot = (name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) })

/** The picture of the other end as the page has it: its size, and the colour of its middle. */
const look = () => page.evaluate(() => {
  const video = document.querySelector('#theirs')
  const { videoWidth: width, videoHeight: height } = video
  if (!video.checkVisibility() || !width) return { width, height, colour: null }
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')
  context.drawImage(video, 0, 0)
  return { width, height, colour: [...context.getImageData(width / 2, height / 2, 1, 1).data.slice(0, 3)] }
})
const pageSees = (grey) => until(`the grey ${grey} in the page`, async () => {
  const seen = await look()
  const near = seen.colour?.every((part) => Math.abs(part - grey) <= NEAR)
  return { so: near && seen.width === SIZE.width && seen.height === SIZE.height, ...seen }
})

const { step, end } = steps()

await step('a session is linked, and the page takes its token', async () => {
  await ask(gateway, 'POST', '/session/init', { admintoken: ADMIN }, { Name: 'shop', Token: 'shop-token', Os: 'Linux' })
  await session('POST', '/session/connect', { Immediate: false })
  await until('a screen to scan', async () => ({ so: (await ask(network, 'GET', '/screens')).length > 0 }))
  const [screen] = await ask(network, 'GET', '/screens')
  await ask(network, 'POST', `/phones/${ALICE}/link`, {}, { qr: screen.qr })
  await until('the link', async () => ({ so: (await session('GET', '/session/status')).LoggedIn }))
  await page.goto(`${gateway}/call-demo`, { waitUntil: 'domcontentloaded' })
  await page.type('#session [name=token]', 'shop-token')
  await press('#session button')
  await shows('#glance', 'Linked')
})

await step('a call with picture is made, and the page sees the phone', async () => {
  await phone(BOB, 'auto', { then: 'answer', show: 'grey:180', play: 'tone:1000:-15' })
  await page.type('#dial [name=phone]', `+${BOB}`)
  await press('#dial [name=video]')
  await press('#dial button')
  await shows('#state', 'active')
  const { colour } = await pageSees(180)
  console.log(`      the page sees ${colour} for a grey of 180`)
  await snapshot('in-a-video-call')
})

await step('the phone sees the camera', async () => {
  const seen = await phoneSees(BOB, 30)
  const own = await page.evaluate(() => [document.querySelector('#own').videoWidth, document.querySelector('#own').videoHeight])
  // A browser that has few bits sends a smaller picture of the same shape.
  assert.equal(seen.width * own[1], seen.height * own[0], JSON.stringify({ seen, own }))
  const { calls: [{ media, stats }] } = await session('GET', '/call/status')
  assert.equal(media, 'video')
  assert.ok(stats.seenPictures > 0 && stats.shownPictures > 0, JSON.stringify(stats))
  console.log(`      the phone sees ${seen.width} x ${seen.height} of ${own.join(' x ')}: ${seen.pictures} pictures, ${seen.keyFrames} key frames, ${seen.lost} lost`)
})

await step('a phone that loses pictures asks the browser for a key frame', async () => {
  const before = await phoneSaw(BOB)
  await ask(network, 'POST', '/relay', {}, { loss: 0.3, seed: 1 })
  await until('a lost picture', async () => {
    const seen = await phoneSaw(BOB)
    return { so: seen.lost > before.lost, ...seen }
  })
  await ask(network, 'DELETE', '/relay')
  const after = await phoneSees(BOB, 30)
  // A browser makes no key frames of its own accord.
  assert.ok(after.keyFrames > before.keyFrames, JSON.stringify({ before, after }))
})

await step('a camera that goes off and on again there is seen again', async () => {
  await phone(BOB, 'show', { show: 'off' })
  await phone(BOB, 'show', { show: 'grey:60' })
  await pageSees(60)
})

await step('a phone that shows what it sees shows the browser its own camera', async () => {
  await phone(BOB, 'show', { show: 'echo' })
  await until('the own camera', async () => {
    const seen = await look()
    const own = await page.evaluate(() => {
      const video = document.querySelector('#own')
      return { width: video.videoWidth, height: video.videoHeight }
    })
    return { so: seen.width !== SIZE.width && seen.width * own.height === seen.height * own.width && seen.colour !== null, ...seen, own }
  })
  await snapshot('own-camera')
})

await step('a page that is opened anew sees again', async () => {
  await phone(BOB, 'show', { show: 'grey:200' })
  await page.reload({ waitUntil: 'domcontentloaded' })
  await shows('#others', 'active')
  await press('#others button')
  await shows('#state', 'active')
  await pageSees(200)
  await phoneSees(BOB, 15)
  await press('#hangup')
  await shows('#earlier', 'hangup')
})

await step('a call with picture comes in, and both ends see each other', async () => {
  await phone(BOB, 'make', { to: ALICE, video: true, show: 'grey:90' })
  await shows('#others', 'with picture')
  await press('#others button')
  await shows('#state', 'active')
  await pageSees(90)
  await phoneSees(BOB, 15)
  await phone(BOB, 'hangup')
  await shows('#earlier', 'remote hangup')
  assert.equal(await page.evaluate(() => document.querySelector('#theirs').srcObject), null)
})

await step('who has no camera sees, and is not seen', async () => {
  await page.evaluate(() => {
    const media = navigator.mediaDevices
    const given = media.getUserMedia.bind(media)
    media.getUserMedia = (wish) => (wish.video ? Promise.reject(new Error('it is broken')) : given(wish))
  })
  await phone(BOB, 'make', { to: ALICE, video: true, show: 'grey:33' })
  await press('#others button')
  await shows('#camera', 'it is broken')
  await pageSees(33)
  assert.equal((await phoneSaw(BOB)).pictures, 0)
  await press('#hangup')
  await until('the end at the phone', async () => ({ so: (await ask(network, 'GET', `/phones/${BOB}/calls`)).at(-1).state === 'ended' }))
})

await step('a call without picture has none', async () => {
  await phone(BOB, 'make', { to: ALICE })
  await press('#others button')
  await shows('#state', 'active')
  assert.equal(await page.evaluate(() => document.querySelector('#pictures').checkVisibility()), false)
  await press('#hangup')
})

await step('nothing went wrong in the browser', async () => assert.deepEqual(complaints, []))

await browser.close()
await stop()
end()
