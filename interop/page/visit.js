// A browser opens the network's page and does what a newcomer does: sees a session wait, scans it with one click, reads
// and types messages.
// usage: node visit.js PATH-TO-WAGO   (a build with the feature `sandbox`; CHROMIUM names the browser)
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { ADMIN, sandbox, steps } from '../sandbox.js'

const PATIENCE = { timeout: 30_000 }
/** A PNG of one pixel. */
const PICTURE = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

const { gateway, network, stop } = await sandbox(process.argv[2])

async function call(method, path, headers, body) {
  const response = await fetch(gateway + path, { method, headers, body: body && JSON.stringify(body) })
  const answer = await response.json()
  assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`)
  return answer.data
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
  defaultViewport: { width: 1400, height: 900 },
})
const page = await browser.newPage()
const complaints = []
page.on('pageerror', (error) => complaints.push(String(error)))
page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
page.on('requestfailed', (request) => request.url().endsWith('/updates') || complaints.push(`${request.url()} failed`))

const shows = (selector, text) =>
  page.waitForFunction((s, t) => [...document.querySelectorAll(s)].some((e) => e.textContent.includes(t)), PATIENCE, selector, text)

/** Presses what is there now or in a moment: a list may just be drawn anew. */
const press = (selector) => page.locator(selector).setTimeout(PATIENCE.timeout).click()

const { step, end } = steps()

await step('the page shows the two phones that are there from the start', async () => {
  await page.goto(network, { waitUntil: 'domcontentloaded' })
  await shows('#phones', 'Alice')
  await shows('#phones', 'Bob')
})

await step('a session that shows a QR code appears, and one click links it', async () => {
  const admin = { admintoken: ADMIN }
  await call('POST', '/session/init', admin, { Name: 'shop', Token: 'shop-token', Os: 'Linux' })
  await call('POST', '/session/connect', { token: 'shop-token' }, { Immediate: false })
  await shows('#screens', 'shop')
  await page.waitForFunction(() => document.querySelector('#screens img')?.naturalWidth > 0, PATIENCE)
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'waiting.png') })
  await press('#screens button')
  await shows('#devices', 'online')
  await page.waitForFunction(() => document.querySelectorAll('#screens li').length === 0, PATIENCE)
  const status = await call('GET', '/session/status', { token: 'shop-token' })
  assert.equal(status.LoggedIn, true)
})

await step('what the session sends is read on a phone, and answered by typing', async () => {
  await call('POST', '/send/text', { token: 'shop-token' }, { Phone: '15550000002', Body: 'Your order is ready' })
  await page.evaluate(() => [...document.querySelectorAll('#phones button')].find((b) => b.textContent.includes('Bob')).click())
  await shows('#chats', 'Your order is ready')
  await press('#chats button')
  await shows('#messages', 'Your order is ready')
  await page.type('#compose [name=text]', 'On my way')
  await press('#compose button')
  await shows('#messages .mine', 'On my way')
  await page.waitForFunction(() => document.querySelector('#messages .mine .meta [title=delivered]'), PATIENCE)
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'chat.png') })
})

await step('a picture is attached, and shown on both phones', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wago-page-'))
  const path = join(folder, 'dot.png')
  await writeFile(path, Buffer.from(PICTURE, 'base64'))
  const input = await page.$('#compose [name=file]')
  await input.uploadFile(path)
  await page.type('#compose [name=text]', 'a dot')
  await press('#compose button')
  await shows('#messages .mine', 'a dot')
  const drawn = () => page.waitForFunction(() => document.querySelector('#messages img.file')?.naturalWidth === 1, PATIENCE)
  await drawn()
  assert.equal(await input.evaluate((input) => input.files.length), 0)
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'picture.png') })
  const choose = (name) => page.evaluate((name) => [...document.querySelectorAll('#phones button')].find((b) => b.textContent.includes(name)).click(), name)
  await choose('Alice')
  await shows('#chats', 'Photo: a dot')
  await press('#chats button')
  await shows('#messages', 'a dot')
  await drawn()
  await choose('Bob')
  await press('#chats button')
  await rm(folder, { recursive: true })
})

await step('a poll is asked on one phone, and answered on the other', async () => {
  await page.select('#compose [name=kind]', 'poll')
  await page.type('#compose [name=text]', 'Tea? | yes | no')
  await press('#compose button')
  await shows('#messages .mine .poll', 'Tea?')
  const choose = (name) => page.evaluate((name) => [...document.querySelectorAll('#phones button')].find((b) => b.textContent.includes(name)).click(), name)
  await choose('Alice')
  await shows('#chats', 'Tea?')
  await press('#chats button')
  await press('#messages .poll button:nth-of-type(2)')
  await shows('#messages .poll button[aria-pressed=true]', 'no1')
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, 'poll.png') })
  await choose('Bob')
  await press('#chats button')
  await shows('#messages .mine .poll', 'no1')
})

await step('a message is liked, and one taken back', async () => {
  await page.type('#compose [name=text]', 'oops')
  await press('#compose button')
  await shows('#messages .mine', 'oops')
  await page.waitForFunction(() => [...document.querySelectorAll('#messages .mine')].at(-1).querySelector('.deed[title^=Delete]'), PATIENCE)
  const last = (title) => page.evaluate((title) => [...document.querySelectorAll('#messages .mine')].at(-1).querySelector(`.deed[title^=${title}]`).click(), title)
  await last('React')
  await shows('#messages .mine .reaction', '👍')
  await last('Delete')
  await shows('#messages .mine', 'This message was deleted')
})

await step('a mistake is explained', async () => {
  await press('#back')
  await page.type('#compose [name=to]', '4912345')
  await page.type('#compose [name=text]', 'hello?')
  await press('#compose button')
  await shows('#trouble', 'not on this network')
  complaints.splice(0, complaints.length, ...complaints.filter((complaint) => !complaint.includes('404')))
})

await step('a phone is added, and a device is logged out', async () => {
  await page.type('#new-phone [name=number]', '+1 555 000 0003')
  await page.type('#new-phone [name=name]', 'Carol')
  await press('#new-phone button')
  await shows('#title', 'Carol')
  await page.evaluate(() => [...document.querySelectorAll('#phones button')].find((b) => b.textContent.includes('Alice')).click())
  await shows('#devices', 'online')
  await press('#devices button')
  await shows('#devices', 'None')
})

await step('nothing went wrong in the browser', async () => assert.deepEqual(complaints, []))

await browser.close()
await stop()
end()
