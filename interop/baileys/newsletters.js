// Newsletters, made, followed, posted in and reacted to: between Baileys, WaGo sessions and a phone.
//
// Left out of what Baileys has: `newsletterSubscribers` asks by the number of a document that WhatsApp has given to
// another question; `newsletterAdminCount`, `ChangeOwner` and `Demote` are about admins, and here are none beside the
// owner; edits and deletions go with the marks that they have in chats, not with those of newsletters; a file is posted
// without its sort and its handle.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getBinaryNodeChild, getBinaryNodeChildren, proto } from '@whiskeysockets/baileys'

const photo = readFileSync(new URL('files/photo.jpg', import.meta.url))
const NO_NEWSLETTER = '120363999999999999@newsletter'
const LINK = 'https://whatsapp.com/channel/'
const ERROR = 0

const jid = (number) => `${number}@s.whatsapp.net`

/** The client and the session `beside` are linked to `own`, the session of `gateway` to `other`; `phone` is a third person's, and `host` is the media host. */
export async function newsletters(step, client, gateway, beside, host, phone, own, other) {
  const { socket } = client
  const { network } = phone
  const tell = async (session, what, type, fits) => (await session.until(what, () => session.events.find((e) => e.type === type && fits(e.event)))).event
  const told = (what, type, fits) => tell(gateway, what, type, fits)
  const call = (path, body) => gateway.call('POST', path, body)
  const known = (newsletter) => network.call('GET', `/newsletters/${newsletter}`)
  const refuses = (code, asked) => assert.rejects(asked, (error) => [error.data, error.output?.statusCode].includes(code))
  /** Baileys hands out what WhatsApp answers: posts by their numbers, each with its text, reactions and views. */
  const posts = async (newsletter, ...which) => {
    const messages = getBinaryNodeChild(getBinaryNodeChild(await socket.newsletterFetchMessages(newsletter, ...which), 'message_updates'), 'messages')
    return getBinaryNodeChildren(messages, 'message').map((post) => {
      const reactions = getBinaryNodeChildren(getBinaryNodeChild(post, 'reactions'), 'reaction')
      return {
        id: post.attrs.id,
        number: post.attrs.server_id,
        text: proto.Message.decode(getBinaryNodeChild(post, 'plaintext').content).conversation,
        reactions: Object.fromEntries(reactions.map(({ attrs }) => [attrs.code, Number(attrs.count)])),
        views: Number(getBinaryNodeChild(post, 'views_count').attrs.count),
      }
    })
  }

  let made
  await step('it makes a newsletter, and the session follows it', async () => {
    made = await socket.newsletterCreate('Watchers', 'What we see')
    assert.deepEqual([made.name, made.description, made.subscribers], ['Watchers', 'What we see', 0])
    const seen = await call('/newsletter/info', { Link: LINK + made.invite })
    assert.deepEqual([seen.id, seen.thread_metadata.name.text, seen.viewer_metadata.role], [made.id, 'Watchers', 'guest'])
    const { Newsletter, LiveFor } = await call('/newsletter/subscribe', { NewsletterJID: made.id, Live: true })
    assert.deepEqual([Newsletter.viewer_metadata.role, LiveFor > 0], ['subscriber', true])
    const { thread_metadata, viewer_metadata } = await socket.newsletterMetadata('jid', made.id)
    assert.deepEqual([thread_metadata.subscribers_count, viewer_metadata.role], ['1', 'OWNER'])
    const { owner, followers } = await known(made.id)
    assert.deepEqual([owner, followers], [jid(own), [jid(other)]])
    const { Newsletter: all } = await beside.call('GET', '/newsletter/list')
    assert.deepEqual(all.map((one) => [one.id, one.viewer_metadata.role]), [[made.id, 'owner']])
  })

  let post
  await step('what it posts comes to who follows, and to its own account', async () => {
    const { key } = await socket.sendMessage(made.id, { text: 'we saw it' })
    for (const session of [gateway, beside]) {
      const { Info, Message } = await tell(session, 'the post', 'Newsletter', (e) => e.Info.ID === key.id)
      assert.deepEqual([Info.Chat, Message.extendedTextMessage?.text ?? Message.conversation], [made.id, 'we saw it'])
    }
    const { Messages } = await call('/newsletter/messages', { NewsletterJID: made.id })
    assert.deepEqual(Messages.map((m) => [m.MessageID, m.IsFromMe]), [[key.id, false]])
    ;[post] = await posts(made.id, 10)
    assert.deepEqual([post.id, Number(post.number)], [key.id, Messages[0].MessageServerID])
    assert.equal((await known(made.id)).posts[0].text, 'we saw it')
  })

  await step('reactions are counted, and told as they come', async () => {
    // Baileys knows other forms of this notification than the one that WhatsApp sends, so it is looked at as it came.
    const live = []
    socket.ws.on('CB:notification,type:newsletter', (node) => {
      live.push(node)
      client.emit('change')
    })
    assert.ok((await socket.subscribeNewsletterUpdates(made.id)).duration > 0)
    await socket.newsletterReactMessage(made.id, post.number, '👀')
    const { JID } = await told('its reaction', 'NewsletterLiveUpdate', (e) => e.Messages[0].ReactionCounts['👀'] === 1)
    assert.equal(JID, made.id)
    await call('/newsletter/react', { NewsletterJID: made.id, ServerID: Number(post.number), Reaction: '👍' })
    await client.until("the session's reaction", () =>
      live.some((node) => node.attrs.from === made.id && JSON.stringify(getBinaryNodeChild(node, 'live_updates')).includes('👍')),
    )
    assert.deepEqual((await posts(made.id, 10))[0].reactions, { '👀': 1, '👍': 1 })
    await socket.newsletterReactMessage(made.id, post.number)
    assert.deepEqual((await posts(made.id, 10))[0].reactions, { '👍': 1 })
    await network.call('POST', `/phones/${other}/newsletters/${made.id}/view`, { serverId: Number(post.number) })
    assert.equal((await posts(made.id, 10))[0].views, 1)
  })

  await step('its posts are asked for in pages', async () => {
    for (const text of ['second', 'third']) {
      const { key } = await socket.sendMessage(made.id, { text })
      await told(text, 'Newsletter', (e) => e.Info.ID === key.id)
    }
    assert.equal((await posts(made.id, 10)).length, 3)
    assert.equal((await posts(made.id, 1)).length, 1)
    const [, ...later] = await posts(made.id, 10)
    assert.deepEqual(await posts(made.id, 10, undefined, post.number), later)
  })

  await step('it changes what it is called and shows, and the session sees that', async () => {
    const seen = async () => (await call('/newsletter/info', { NewsletterJID: made.id })).thread_metadata
    await socket.newsletterUpdateName(made.id, 'The watch')
    await socket.newsletterUpdateDescription(made.id, 'What we saw')
    await socket.newsletterUpdatePicture(made.id, photo)
    const { name, description, picture } = await seen()
    assert.deepEqual([name.text, description.text], ['The watch', 'What we saw'])
    assert.ok(picture.direct_path)
    await socket.newsletterRemovePicture(made.id)
    assert.equal((await seen()).picture.direct_path, '')
  })

  let followed
  await step("it follows the session's newsletter, and its account hears of it", async () => {
    followed = (await call('/newsletter/create', { Name: 'Gateways', Description: 'Of all kinds' })).id
    const { InviteLink } = await call('/newsletter/link', { NewsletterJID: followed })
    const found = await socket.newsletterMetadata('invite', InviteLink.slice(LINK.length))
    assert.deepEqual([found.id, found.thread_metadata.name.text, found.viewer_metadata.role], [followed, 'Gateways', 'GUEST'])
    await socket.newsletterFollow(followed)
    const joined = await tell(beside, 'the new one', 'NewsletterJoin', (e) => e.id === followed)
    assert.equal(joined.thread_metadata.name.text, 'Gateways')
    assert.deepEqual((await known(followed)).followers, [jid(own)])
    await socket.newsletterMute(followed)
    await tell(beside, 'quiet', 'NewsletterMuteChange', (e) => e.id === followed && e.mute === 'on')
    assert.equal((await socket.newsletterMetadata('jid', followed)).viewer_metadata.mute, 'ON')
    await socket.newsletterUnmute(followed)
    await tell(beside, 'its end', 'NewsletterMuteChange', (e) => e.id === followed && e.mute === 'off')
  })

  await step('it gets what the session posts, text and picture', async () => {
    const { Id } = await call('/newsletter/send', { Phone: followed, Body: 'news of gateways' })
    const { key } = await client.received('the post', 'news of gateways')
    assert.deepEqual([key.id, key.remoteJid], [Id, followed])
    const [there] = await posts(followed, 10)
    assert.deepEqual([there.id, there.number], [Id, key.server_id])
    await socket.newsletterReactMessage(followed, key.server_id, '❤️')
    const { Messages } = await call('/newsletter/messages', { NewsletterJID: followed })
    assert.deepEqual(Messages[0].ReactionCounts, { '❤️': 1 })
    const sent = await call('/send/image', { Phone: followed, Image: `data:image/jpeg;base64,${photo.toString('base64')}`, Caption: 'a gate' })
    const { message } = await client.message(sent.Id)
    const { directPath, caption, fileSha256, mediaKey } = message.imageMessage
    // Files of newsletters are not encrypted, and Baileys opens only those that are.
    assert.equal(mediaKey?.length ?? 0, 0)
    const bytes = Buffer.from(await (await fetch(`https://${host}${directPath}`)).arrayBuffer())
    assert.equal(caption, 'a gate')
    assert.deepEqual(createHash('sha256').update(bytes).digest(), Buffer.from(fileSha256))
  })

  await step("it follows a phone's newsletter, and gets what is posted there", async () => {
    const { jid: id } = await network.call('POST', '/newsletters', { name: 'Phones', owner: phone.number })
    await socket.newsletterFollow(id)
    const { serverId } = await network.call('POST', `/phones/${phone.number}/newsletters/${id}/post`, { text: 'from a pocket' })
    const { key } = await client.received('the post', 'from a pocket')
    assert.deepEqual([key.remoteJid, Number(key.server_id)], [id, serverId])
    await socket.newsletterReactMessage(id, key.server_id, '👍')
    assert.deepEqual((await known(id)).posts[0].reactions, { '👍': 1 })
    await socket.newsletterUnfollow(id)
    assert.deepEqual((await known(id)).followers, [])
  })

  await step('what is not its own it may not change, and what is not there it does not find', async () => {
    await refuses(403, socket.newsletterUpdateName(followed, 'Mine'))
    await refuses(403, socket.newsletterDelete(followed))
    const { key } = await socket.sendMessage(followed, { text: 'me too' })
    await client.until('the refusal', () => client.receipts.some((r) => r.id === key.id && r.status === ERROR))
    assert.ok(!(await known(followed)).posts.some((p) => p.id === key.id))
    await refuses(404, socket.newsletterMetadata('jid', NO_NEWSLETTER))
    await refuses(404, socket.newsletterFollow(NO_NEWSLETTER))
    await refuses(405, socket.newsletterUnfollow(made.id))
    await assert.rejects(call('/newsletter/update', { NewsletterJID: made.id, Name: 'Mine' }), /502.*403/)
  })

  await step('it leaves, and both close their newsletters', async () => {
    await socket.newsletterUnfollow(followed)
    await tell(beside, 'the end', 'NewsletterLeave', (e) => e.id === followed)
    await refuses(403, socket.newsletterMute(followed))
    await call('/newsletter/delete', { NewsletterJID: followed })
    await refuses(404, socket.newsletterMetadata('jid', followed))
    await socket.newsletterDelete(made.id)
    await assert.rejects(call('/newsletter/info', { NewsletterJID: made.id }), /404/)
  })
}
