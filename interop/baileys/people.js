// What people show of themselves, and to whom: between Baileys, a WaGo session and their phones.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const photo = readFileSync(new URL('files/photo.jpg', import.meta.url))
const NOBODY = '4915299999999'

const jid = (number) => `${number}@s.whatsapp.net`

/** The client is `own`, the session `other`, and `phone` is a third person's. */
export async function people(step, client, gateway, phone, own, other) {
  const { socket } = client
  const reported = client.reports('contacts.update', 'blocklist.update', 'presence.update')
  const told = (what, type, fits) => gateway.until(what, () => gateway.events.find((e) => e.type === type && fits(e.event)))

  await step('it finds who is on WhatsApp', async () => {
    const found = await socket.onWhatsApp(phone.number, NOBODY)
    // It leaves out who is not.
    assert.deepEqual(found, [{ jid: jid(phone.number), exists: true }])
  })

  await step('it sets its picture, and the session sees that', async () => {
    await socket.updateProfilePicture(jid(own), photo)
    const { PictureID } = await told('the news', 'Picture', (e) => e.JID === jid(own) && !e.Remove)
      .then((e) => e.event)
    const seen = await gateway.call('POST', '/user/avatar', { Phone: own })
    assert.equal(seen.id, PictureID)
    const bytes = Buffer.from(await (await fetch(seen.url)).arrayBuffer())
    assert.deepEqual([...bytes.subarray(0, 2)], [0xff, 0xd8])
    assert.equal(await socket.profilePictureUrl(jid(own), 'image'), seen.url)
    await socket.removeProfilePicture(jid(own))
    await told('its end', 'Picture', (e) => e.JID === jid(own) && e.Remove)
  })

  await step('it sees the picture that the session sets', async () => {
    await gateway.call('POST', '/user/profile', { Image: `data:image/jpeg;base64,${photo.toString('base64')}` })
    await client.until('the news', () => reported['contacts.update'].find((c) => c.id === jid(other) && c.imgUrl === 'changed'))
    const url = await socket.profilePictureUrl(jid(other), 'preview')
    const answer = await fetch(url)
    assert.equal(answer.headers.get('content-type'), 'image/jpeg')
    await gateway.call('DELETE', '/user/profile')
    await client.until('its end', () => reported['contacts.update'].find((c) => c.id === jid(other) && c.imgUrl === 'removed'))
  })

  await step('about texts are told both ways', async () => {
    await socket.updateProfileStatus('at the witness stand')
    await told('its about text', 'UserAbout', (e) => e.JID === jid(own) && e.Status === 'at the witness stand')
    await gateway.call('POST', '/user/about', { Body: 'in session' })
    const [{ status }] = await socket.fetchStatus(jid(other))
    assert.equal(status.status, 'in session')
    assert.ok(status.setAt.getTime() > 1e12)
  })

  await step('privacy is set, read, and has its effects', async () => {
    await socket.updateStatusPrivacy('none')
    await socket.updateReadReceiptsPrivacy('none')
    const privacy = await socket.fetchPrivacySettings(true)
    assert.deepEqual([privacy.status, privacy.readreceipts, privacy.last], ['none', 'none', 'all'])
    const { Users } = await gateway.call('POST', '/user/info', { Phone: [own] })
    assert.equal(Users[jid(own)].Status, '')
    await socket.updateStatusPrivacy('all')
    await socket.updateReadReceiptsPrivacy('all')
  })

  await step('it hears when the session comes and goes', async () => {
    await socket.presenceSubscribe(jid(other))
    const last = () => Object.values(reported['presence.update'].at(-1)?.presences ?? {})[0]
    await gateway.call('POST', '/user/presence', { type: 'unavailable' })
    await client.until('it to go', () => last()?.lastKnownPresence === 'unavailable' && last().lastSeen > 0)
    await gateway.call('POST', '/user/presence', { type: 'available' })
    await client.until('it to come', () => last()?.lastKnownPresence === 'available')
  })

  await step('whom it blocks it does not hear, and its phone can take that back', async () => {
    await socket.updateBlockStatus(jid(other), 'block')
    const [lid] = await socket.fetchBlocklist()
    assert.match(lid, /@lid$/)
    await gateway.call('POST', '/send/text', { Phone: own, Body: 'unheard' })
    await phone.network.call('POST', `/phones/${own}/block`, { who: other, blocked: false })
    await client.until("the phone's change", () => reported['blocklist.update'].find((b) => b.type === 'remove' && b.blocklist[0] === lid))
    assert.deepEqual(await socket.fetchBlocklist(), [])
    await gateway.call('POST', '/send/text', { Phone: own, Body: 'heard again' })
    await client.received('the next text', 'heard again')
    assert.ok(!client.messages.some((m) => JSON.stringify(m.message ?? '').includes('unheard')))
  })
}
