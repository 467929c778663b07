// What the client does, in a process that trusts the network's authority: see witness.js.
import assert from 'node:assert/strict'
import { ADMIN, steps } from '../sandbox.js'
import { chats } from './chats.js'
import { AuthState, Client, textOf, trustRoot } from './client.js'
import { Gateway } from './gateway.js'
import { groups } from './groups.js'
import { kinds } from './kinds.js'
import { Network } from './network.js'
import { newsletters } from './newsletters.js'
import { people } from './people.js'

// libsignal's port to Node logs whole sessions, private keys among them.
console.info = () => {}

const DELIVERED = 3
const READ = 4

const [gatewayUrl, networkUrl] = process.argv.slice(2)
const network = new Network(networkUrl)
await network.follow()
const { rootKey } = await network.info()
trustRoot(rootKey)

const alice = network.phone('4915200000001')
const carol = network.phone('4915200000003')
const dave = network.phone('4915200000004')
await alice.create('Alice')
await carol.create('Carol')
await dave.create('Dave')
const gateway = new Gateway(gatewayUrl, ADMIN, 'witness-session-token')

const auth = new AuthState()
const socketUrl = networkUrl.replace('http:', 'ws:') + '/ws/chat'
let client = new Client(socketUrl, auth).start()
const { host } = new URL(networkUrl)
const jid = (phone) => `${phone.number}@s.whatsapp.net`

const { step, end } = steps()

await step('pairs by QR, restarts, and is online', async () => {
  const qr = await client.until('a QR code', () => client.qr)
  await carol.scan(qr)
  await client.connected()
  assert.equal(client.me.id.split(':')[0], carol.number)
  assert.match(client.me.lid, /@lid$/)
})

await step('a phone sends to it, and sees that it arrived', async () => {
  const { id } = await alice.send(carol.number, 'hello from a phone')
  const message = await client.received("the phone's text", 'hello from a phone')
  assert.equal(message.key.id, id)
  assert.equal(message.key.fromMe, false)
  assert.equal(message.pushName, 'Alice')
  await alice.until('the receipt', (messages) => Object.keys(messages.find((m) => m.id === id)?.receipts ?? {}).length > 0)
})

await step('it sends to a phone, and reads receipts', async () => {
  const sent = await client.socket.sendMessage(jid(alice), { text: 'hello from Baileys' })
  const got = await alice.received("the client's text", 'hello from Baileys')
  assert.equal(got.id, sent.key.id)
  assert.equal(got.fromMe, false)
  await client.reached('delivered', sent.key.id, DELIVERED)
  await alice.read(sent.key.id)
  await client.reached('read', sent.key.id, READ)
})

await step('a reply carries its quotation', async () => {
  const first = await alice.received('the first text', 'hello from Baileys')
  await alice.send(carol.number, 'a reply', { reply: first.id })
  const message = await client.received('the reply', 'a reply')
  assert.equal(message.message.extendedTextMessage.contextInfo.stanzaId, first.id)
})

await step('its own phone shows what it sent, and it shows what its phone sends', async () => {
  const shown = await carol.received("the client's text", 'hello from Baileys')
  assert.equal(shown.fromMe, true)
  await carol.send(alice.number, 'from my own phone')
  const message = await client.received("its phone's text", 'from my own phone')
  assert.equal(message.key.fromMe, true)
})

await step('a WaGo session is paired beside it', async () => {
  await gateway.start('witness')
  const { Code } = await gateway.call('GET', '/session/qr')
  await dave.scan(Code)
  await gateway.until('Connected', () => gateway.events.find((e) => e.type === 'Connected'))
})

await step('it sends to the WaGo session, and gets receipts', async () => {
  const sent = await client.socket.sendMessage(jid(dave), { text: 'Baileys to WaGo' })
  const event = await gateway.received("the client's text", 'Baileys to WaGo')
  assert.equal(event.event.Info.ID, sent.key.id)
  assert.equal(event.event.Info.IsFromMe, false)
  await client.reached('delivered', sent.key.id, DELIVERED)
})

await step('the WaGo session sends to it, and gets delivered and read', async () => {
  const sent = await gateway.call('POST', '/send/text', { Phone: carol.number, Body: 'WaGo to Baileys' })
  const message = await client.received("the session's text", 'WaGo to Baileys')
  assert.equal(message.key.id, sent.Id)
  assert.equal(textOf(message), 'WaGo to Baileys')
  await gateway.receipt('delivered', sent.Id, 'Delivered')
  await client.socket.readMessages([message.key])
  await gateway.receipt('read', sent.Id, 'Read')
})

await kinds(step, 'in a chat of two', client, gateway, host, jid(dave), carol.number)

await people(step, client, gateway, alice, carol.number, dave.number)

await groups(step, client, gateway, alice, carol.number, dave.number)

const group = await alice.group('Friends', [carol.number, dave.number])
await kinds(step, 'in a group', client, gateway, host, group, group)

const beside = new Gateway(gatewayUrl, ADMIN, 'witness-second-token')
await step('a WaGo session is linked to its own phone', async () => {
  await beside.start('beside')
  const { Code } = await beside.call('GET', '/session/qr')
  await carol.scan(Code)
  await beside.until('Connected', () => beside.events.find((e) => e.type === 'Connected'))
})

/** One more client on its own phone, and what it reports of these sorts. */
const link = async (...names) => {
  const more = new Client(socketUrl, new AuthState()).start()
  const reported = more.reports(...names)
  await carol.scan(await more.until('a QR code', () => more.qr))
  await more.connected()
  return [more, reported]
}
await chats(step, client, beside, carol, alice, link)

await newsletters(step, client, gateway, beside, host, alice, carol.number, dave.number)

await step('it comes back with stored credentials, and gets what it missed in order', async () => {
  client.stop()
  await client.until('the socket to end', () => client.ended !== undefined)
  for (let i = 1; i <= 5; i++) await alice.send(carol.number, `missed ${i}`)
  await carol.chat('pin', alice.number)
  client = new Client(socketUrl, auth.reload()).start()
  const reported = client.reports('chats.update')
  await client.connected()
  await client.received('the last missed text', 'missed 5')
  assert.equal(client.qrShown, 0)
  const missed = client.messages.map(textOf).filter((text) => text?.startsWith('missed'))
  assert.deepEqual(missed, ['missed 1', 'missed 2', 'missed 3', 'missed 4', 'missed 5'])
  await client.until('what was pinned meanwhile', () => reported['chats.update'].some((c) => c.id === jid(alice) && c.pinned > 0))
  const sent = await client.socket.sendMessage(jid(alice), { text: 'back again' })
  await client.reached('delivered', sent.key.id, DELIVERED)
})

await step('its phone unlinks it, and it is told so', async () => {
  const devices = await carol.devices()
  await carol.unlink(devices.find((d) => d.jid === client.me.id).id)
  await client.until('the log-out', () => client.ended === 401)
})

client.stop()
gateway.stop()
beside.stop()
network.unfollow()
end()
