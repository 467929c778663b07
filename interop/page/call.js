// A browser with a microphone makes and takes calls on the page `/call-demo`. Its microphone gives a tone, the phone at the
// other end says another, and each end has to hear the other's: its frequency and its level.
// usage: node call.js PATH-TO-WAGO   (a build with the feature `sandbox`; CHROMIUM names the browser)
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { ADMIN, sandbox, steps } from '../sandbox.js'
import { PATIENCE, ask, until } from './caller.js'

const [ALICE, BOB] = ['15550000001', '15550000002']
/** What the microphone gives, in Hz and dB of the loudest there is. */
const SPOKEN = { hz: 440, level: -12 }
/** What the phone says. */
const TOLD = { hz: 1000, level: -15 }
const NEAR = { hz: 4, level: 3 }

/** A tone of two seconds as WAV of 48 kHz, which ends where it begins. */
function wav({ hz, level }) {
  const rate = 48_000
  const samples = Int16Array.from({ length: rate * 2 }, (_, at) => 32_767 * 10 ** (level / 20) * Math.sin((2 * Math.PI * hz * at) / rate))
  const head = Buffer.alloc(44)
  head.write('RIFF', 0)
  head.writeUInt32LE(36 + samples.byteLength, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * 2, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(samples.byteLength, 40)
  return Buffer.concat([head, Buffer.from(samples.buffer)])
}

const { gateway, network, stop } = await sandbox(process.argv[2])
const folder = await mkdtemp(join(tmpdir(), 'wago-call-'))
const microphone = join(folder, 'tone.wav')
await writeFile(microphone, wav(SPOKEN))

const phone = (number, action, wish = {}) => ask(network, 'POST', `/phones/${number}/call/${action}`, {}, wish)
const session = (method, path, body) => ask(gateway, method, path, { token: 'shop-token' }, body)

const near = (found, wanted) => Math.abs(found.hz - wanted.hz) <= NEAR.hz && Math.abs(found.level - wanted.level) <= NEAR.level

const phoneHears = (number, wanted) => until(`${wanted.hz} Hz at the phone`, async () => {
  const { heard } = (await ask(network, 'GET', `/phones/${number}/calls`)).at(-1)
  const found = { hz: heard.peakHz, level: heard.level }
  return { so: near(found, wanted), found, lost: heard.lost }
})

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${microphone}`,
    '--autoplay-policy=no-user-gesture-required',
  ],
  defaultViewport: { width: 900, height: 900 },
})
const page = await browser.newPage()
const complaints = []
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))

const shows = (selector, text) =>
  page.waitForFunction((s, t) => [...document.querySelectorAll(s)].some((e) => e.checkVisibility() && e.textContent.includes(t)), PATIENCE, selector, text)
const press = (selector) => page.locator(selector).setTimeout(PATIENCE.timeout).click()
const picture = (name) => process.env.SCREENSHOTS && page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) })

/** The loudest tone of what the page's loudspeaker is given: measured, not taken from the page's own meter. */
const pageHears = (wanted) => until(`${wanted.hz} Hz in the page`, async () => {
  const found = await page.evaluate(async () => {
    const stream = document.querySelector('#speaker').srcObject
    if (!stream) return { hz: 0, level: -96 }
    const context = new AudioContext()
    await context.resume()
    const analyser = new AnalyserNode(context, { fftSize: 32_768, smoothingTimeConstant: 0 })
    context.createMediaStreamSource(stream).connect(analyser)
    // As long as the spectrum needs to be full.
    await new Promise((resolve) => setTimeout(resolve, (1_100 * analyser.fftSize) / context.sampleRate))
    const samples = new Float32Array(analyser.fftSize)
    analyser.getFloatTimeDomainData(samples)
    const bins = new Float32Array(analyser.frequencyBinCount)
    analyser.getFloatFrequencyData(bins)
    const rate = context.sampleRate
    await context.close()
    const hz = (bins.indexOf(Math.max(...bins)) * rate) / samples.length
    // A tone is by the root of two louder at its height than on average.
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    return { hz, level: 10 * Math.log10(2 * power + 1e-12) }
  })
  return { so: near(found, wanted), found }
})

const { step, end } = steps()

await step('a session is linked, and the page takes its token', async () => {
  await ask(gateway, 'POST', '/session/init', { admintoken: ADMIN }, { Name: 'shop', Token: 'shop-token', Os: 'Linux' })
  await session('POST', '/session/connect', { Immediate: false })
  await until('a screen to scan', async () => ({ so: (await ask(network, 'GET', '/screens')).length > 0 }))
  const [screen] = await ask(network, 'GET', '/screens')
  await ask(network, 'POST', `/phones/${ALICE}/link`, {}, { qr: screen.qr })
  await until('the link', async () => ({ so: (await session('GET', '/session/status')).LoggedIn }))
  await page.goto(`${gateway}/call-demo?raw`, { waitUntil: 'domcontentloaded' })
  await page.type('#session [name=token]', 'shop-token')
  await press('#session button')
  await shows('#glance', 'Linked')
  await picture('call-demo')
})

await step('a call is made, and both ends hear each other', async () => {
  await phone(BOB, 'auto', { then: 'answer', play: `tone:${TOLD.hz}:${TOLD.level}` })
  await page.type('#dial [name=phone]', `+${BOB}`)
  await press('#dial button')
  await shows('#state', 'active')
  await shows('#line', 'connected')
  const there = await phoneHears(BOB, SPOKEN)
  const here = await pageHears(TOLD)
  console.log(`      the phone hears ${there.found.hz.toFixed(1)} Hz at ${there.found.level.toFixed(1)} dB, the page ${here.found.hz.toFixed(1)} Hz at ${here.found.level.toFixed(1)} dB`)
  await picture('in-a-call')
})

await step('the browser\'s sound is passed on as it comes', async () => {
  const { calls: [{ stats }] } = await session('GET', '/call/status')
  assert.deepEqual(stats.legs, ['browser'])
  assert.ok(stats.passedPackets > 10 * stats.encodedPackets, JSON.stringify(stats))
})

await step('a key that is pressed is heard, and the browser behind it', async () => {
  await page.evaluate(() => [...document.querySelectorAll('.keys button')].find((key) => key.textContent === '5').click())
  await until('the packets of the key', async () => {
    const { calls: [{ stats }] } = await session('GET', '/call/status')
    return { so: stats.encodedPackets > 0, stats }
  })
  await phoneHears(BOB, SPOKEN)
})

await step('who is muted is not heard, but hears', async () => {
  await press('#mute')
  await shows('#mute', 'Muted')
  await phoneHears(BOB, { hz: 0, level: -96 })
  await pageHears(TOLD)
  await press('#mute')
  await phoneHears(BOB, SPOKEN)
})

await step('a call is hung up', async () => {
  await press('#hangup')
  await shows('#earlier', 'hangup')
  const there = (await ask(network, 'GET', `/phones/${BOB}/calls`)).at(-1)
  assert.equal(there.state, 'ended')
})

await step('a call comes in, is answered, and both ends hear each other', async () => {
  await phone(BOB, 'make', { to: ALICE, play: `tone:${TOLD.hz}:${TOLD.level}` })
  await shows('#others', 'calls')
  await picture('ringing')
  await press('#others button')
  await shows('#state', 'active')
  await phoneHears(BOB, SPOKEN)
  await pageHears(TOLD)
})

await step('a page that is opened anew joins the call again', async () => {
  await page.reload({ waitUntil: 'domcontentloaded' })
  await shows('#others', 'active')
  await press('#others button')
  await shows('#state', 'active')
  await phoneHears(BOB, SPOKEN)
  await pageHears(TOLD)
})

await step('a client that posts plain SDP takes its place, is heard, and leaves as it was told', async () => {
  const { calls: [{ callID }] } = await session('GET', '/call/status')
  const found = await page.evaluate(async (callID) => {
    const headers = { token: 'shop-token' }
    const peer = new RTCPeerConnection()
    const sound = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
    for (const track of sound.getTracks()) peer.addTrack(track, sound)
    await peer.setLocalDescription(await peer.createOffer())
    while (peer.iceGatheringState !== 'complete') await new Promise((resolve) => peer.addEventListener('icegatheringstatechange', resolve, { once: true }))
    const body = peer.localDescription.sdp
    const response = await fetch(`/call/webrtc/offer?CallID=${callID}`, { method: 'POST', headers: { ...headers, 'content-type': 'application/sdp' }, body })
    await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() })
    while (peer.connectionState !== 'connected') await new Promise((resolve) => peer.addEventListener('connectionstatechange', resolve, { once: true }))
    window.plain = peer
    return { status: response.status, kind: response.headers.get('content-type'), location: response.headers.get('location') }
  }, callID)
  assert.deepEqual([found.status, found.kind], [201, 'application/sdp'])
  await phoneHears(BOB, SPOKEN)
  await ask(gateway, 'DELETE', found.location, { token: 'shop-token' })
  await until('the call without a browser', async () => {
    const { calls: [{ state, stats }] } = await session('GET', '/call/status')
    return { so: state === 'active' && stats.legs.length === 0, state, stats }
  })
})

await step('the other end hangs up', async () => {
  await phone(BOB, 'hangup')
  await shows('#earlier', 'remote hangup')
  await page.waitForFunction(() => !document.querySelector('#speaker').srcObject, PATIENCE)
})

await step('a mistake is explained', async () => {
  await page.type('#dial [name=phone]', '4912345')
  await press('#dial button')
  await shows('#trouble', 'WhatsApp')
  complaints.splice(0, complaints.length, ...complaints.filter((complaint) => !complaint.includes('status of 4')))
})

await step('nothing went wrong in the browser', async () => assert.deepEqual(complaints, []))

await browser.close()
await stop()
await rm(folder, { recursive: true })
end()
