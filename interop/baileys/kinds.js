// Every basic kind of message, both ways between Baileys and a WaGo session, in one chat.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { downloadMediaMessage } from '@whiskeysockets/baileys'
import { choices, vote } from './polls.js'

const file = (name) => readFileSync(new URL(`files/${name}`, import.meta.url))
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex')
const url = (type, bytes) => `data:${type};base64,${bytes.toString('base64')}`

const photo = file('photo.jpg')
const clip = file('clip.mp4')
const voice = file('voice.ogg')
const tone = file('tone.mp3')
const square = file('square.png')
const sticker = file('sticker.webp')
const paper = Buffer.from('A paper that says little.\n'.repeat(40))
const card = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ana Lima\nTEL;type=CELL;waid=15550000009:+15550000009\nEND:VCARD'

/** What WaGo is asked to send, and what Baileys must then hold: the message, and its file's bytes if it has one. */
const FROM_WAGO = [
  ['an image', '/send/image', { Image: url('image/jpeg', photo), Caption: 'a photo' }, ({ imageMessage: image }, bytes) => {
    assert.equal(hash(bytes), hash(photo))
    assert.deepEqual([image.caption, image.mimetype, image.width, image.height], ['a photo', 'image/jpeg', 64, 48])
    assert.ok(image.jpegThumbnail.length > 0)
  }],
  ['a video', '/send/video', { Video: url('video/mp4', clip), Caption: 'a clip' }, ({ videoMessage: video }, bytes) => {
    assert.equal(hash(bytes), hash(clip))
    assert.deepEqual([video.caption, video.mimetype, video.seconds], ['a clip', 'video/mp4', 1])
  }],
  ['a voice note', '/send/audio', { Audio: url('audio/ogg', voice) }, ({ audioMessage: audio }, bytes) => {
    assert.equal(hash(bytes), hash(voice))
    assert.deepEqual([audio.ptt, audio.mimetype, audio.seconds], [true, 'audio/ogg; codecs=opus', 1])
    assert.equal(audio.waveform.length, 64)
  }],
  ['a voice note that was an MP3', '/send/audio', { Audio: url('audio/mpeg', tone) }, ({ audioMessage: audio }, bytes) => {
    assert.deepEqual([bytes.toString('latin1', 0, 4), bytes.toString('latin1', 28, 36)], ['OggS', 'OpusHead'])
    assert.deepEqual([audio.ptt, audio.mimetype, audio.seconds], [true, 'audio/ogg; codecs=opus', 1])
  }],
  ['a sound', '/send/audio', { Audio: url('audio/mpeg', tone), PTT: false }, ({ audioMessage: audio }, bytes) => {
    assert.equal(hash(bytes), hash(tone))
    assert.deepEqual([Boolean(audio.ptt), audio.mimetype], [false, 'audio/mpeg'])
  }],
  ['a document', '/send/document', { Document: url('text/plain', paper), FileName: 'paper.txt' }, ({ documentMessage: document }, bytes) => {
    assert.equal(hash(bytes), hash(paper))
    assert.deepEqual([document.fileName, document.mimetype], ['paper.txt', 'text/plain'])
  }],
  ['a sticker that was a PNG', '/send/sticker', { Sticker: url('image/png', square), PackName: 'Pack' }, ({ stickerMessage: sticker }, bytes) => {
    assert.deepEqual([bytes.toString('latin1', 0, 4), bytes.toString('latin1', 8, 12)], ['RIFF', 'WEBP'])
    assert.equal(sticker.mimetype, 'image/webp')
  }],
  ['a place', '/send/location', { Latitude: 52.5, Longitude: 13.4, Name: 'Here' }, ({ locationMessage: place }) => {
    assert.deepEqual([place.degreesLatitude, place.degreesLongitude, place.name], [52.5, 13.4, 'Here'])
  }],
  ['a contact', '/send/contact', { Name: 'Ana Lima', Vcard: card }, ({ contactMessage: contact }) => {
    assert.equal(contact.displayName, 'Ana Lima')
    assert.match(contact.vcard, /FN:Ana Lima/)
  }],
]

/** What Baileys sends, and what WaGo must tell: the message's field, and its file. */
const FROM_BAILEYS = [
  ['an image', { image: photo, caption: 'a photo' }, 'imageMessage', photo, 'image'],
  ['a video', { video: clip, caption: 'a clip', jpegThumbnail: '' }, 'videoMessage', clip, 'video'],
  ['a voice note', { audio: voice, ptt: true, mimetype: 'audio/ogg; codecs=opus' }, 'audioMessage', voice, 'audio'],
  ['a document', { document: paper, mimetype: 'text/plain', fileName: 'paper.txt' }, 'documentMessage', paper, 'document'],
  ['a sticker', { sticker }, 'stickerMessage', sticker, 'sticker'],
  ['a place', { location: { degreesLatitude: 52.5, degreesLongitude: 13.4, name: 'Here' } }, 'locationMessage'],
  ['a contact', { contacts: { displayName: 'Ana Lima', contacts: [{ vcard: card }] } }, 'contactMessage'],
]

/** `toWago` is how Baileys names the chat, `toBaileys` how WaGo does; `host` has the media, in WhatsApp's place. */
export async function kinds(step, where, client, gateway, host, toWago, toBaileys) {
  const send = (path, body) => gateway.call('POST', path, { Phone: toBaileys, ...body })
  const inGroup = toBaileys.endsWith('@g.us')

  for (const [what, path, body, check] of FROM_WAGO)
    await step(`${what} from WaGo to Baileys ${where}`, async () => {
      const sent = await send(path, body)
      const got = await client.message(sent.Id)
      const content = contentOf(got)
      check(content, Object.values(content).some((part) => part?.directPath) ? await downloadMediaMessage(got, 'buffer', { host }) : undefined)
      await gateway.receipt(`${what} to be delivered`, sent.Id, 'Delivered')
    })

  for (const [what, content, field, bytes, kind] of FROM_BAILEYS)
    await step(`${what} from Baileys to WaGo ${where}`, async () => {
      const sent = await client.socket.sendMessage(toWago, content)
      const { event } = await gateway.message(sent.key.id)
      const part = event.Message[field]
      assert.ok(part, `no ${field}`)
      if (content.caption) assert.equal(part.caption, content.caption)
      if (field === 'locationMessage') assert.deepEqual([part.degreesLatitude, part.degreesLongitude, part.name], [52.5, 13.4, 'Here'])
      if (field === 'contactMessage') assert.match(part.vcard, /FN:Ana Lima/)
      if (bytes) assert.equal(hash(await gateway.bytes(kind, part)), hash(bytes))
    })

  await step(`WaGo reacts, edits and revokes, and Baileys sees it ${where}`, async () => {
    const asked = await client.socket.sendMessage(toWago, { text: `what do you think? ${where}` })
    const { event } = await gateway.message(asked.key.id)
    const reaction = await send('/message/react', { Id: asked.key.id, Body: '👍', IsFromMe: false, Participant: inGroup ? event.Info.Sender : undefined })
    const reacted = contentOf(await client.message(reaction.Id)).reactionMessage
    assert.deepEqual([reacted.text, reacted.key.id], ['👍', asked.key.id])

    const sent = await send('/send/text', { Body: 'frist' })
    await client.message(sent.Id)
    await send('/message/edit', { Chat: toBaileys, MessageID: sent.Id, Message: 'first' })
    await client.changed('the edit', sent.Id, (update) => JSON.stringify(update.message ?? {}).includes('first'))
    await send('/message/delete', { Chat: toBaileys, MessageID: sent.Id })
    await client.changed('the deletion', sent.Id, (update) => update.messageStubType === 1 || update.message === null)
  })

  await step(`Baileys reacts, edits and revokes, and WaGo sees it ${where}`, async () => {
    const asked = await send('/send/text', { Body: `and you? ${where}` })
    const got = await client.message(asked.Id)
    const reaction = await client.socket.sendMessage(toWago, { react: { text: '❤️', key: got.key } })
    const reacted = (await gateway.message(reaction.key.id)).event.Message.reactionMessage
    assert.deepEqual([reacted.text, reacted.key.ID ?? reacted.key.id], ['❤️', asked.Id])

    const sent = await client.socket.sendMessage(toWago, { text: 'frist' })
    await gateway.message(sent.key.id)
    await client.socket.sendMessage(toWago, { text: 'first', edit: sent.key })
    await gateway.told('the edit', (text) => text.includes('first') && text.includes(sent.key.id))
    await client.socket.sendMessage(toWago, { delete: sent.key })
    await gateway.told('the deletion', (text) => text.includes('"REVOKE"') && text.includes(sent.key.id) || text.includes('"type":0') && text.includes(sent.key.id))
  })

  await step(`a poll from WaGo, and the vote of Baileys ${where}`, async () => {
    const sent = await send('/send/poll', { Question: 'Tea?', Options: ['yes', 'no', 'later'], MaxAnswer: 1 })
    const poll = await client.message(sent.Id)
    const creation = contentOf(poll)
    assert.deepEqual((creation.pollCreationMessage ?? creation.pollCreationMessageV3).options.map((o) => o.optionName), ['yes', 'no', 'later'])
    const id = await vote(client.socket, poll, ['later'])
    const told = await gateway.message(id)
    assert.ok(JSON.stringify(told).includes('later'), 'the option is told in words')
  })

  await step(`a poll from Baileys, and the vote of WaGo ${where}`, async () => {
    const poll = await client.socket.sendMessage(toWago, { poll: { name: 'Coffee?', values: ['yes', 'no'], selectableCount: 1 } })
    const { event } = await gateway.message(poll.key.id)
    const sent = await send('/message/vote', { Id: poll.key.id, Options: ['no'], IsFromMe: false, Participant: inGroup ? event.Info.Sender : undefined })
    assert.deepEqual(choices(client.socket, poll, await client.message(sent.Id)), ['no'])
  })
}

/** Without the envelopes in which WhatsApp wraps some kinds. */
function contentOf({ message }) {
  return message.documentWithCaptionMessage?.message ?? message.ephemeralMessage?.message ?? message
}
