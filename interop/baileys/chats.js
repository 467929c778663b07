// What is set of chats, messages, labels and contacts, and is the same on all of an account's devices: Baileys, a WaGo
// session beside it on the same account, and their phone.
import assert from 'node:assert/strict'
import { ALL_WA_PATCH_NAMES } from '@whiskeysockets/baileys'

const LABEL = '7'
const DAY = 86_400
/** 2100, in unix milliseconds. */
const LATER = 4_102_444_800_000

const jid = (number) => `${number}@s.whatsapp.net`

/** The client and the session are linked to `own`, and the chat is with `other`: both are phones. `link` starts one more client on `own`. */
export async function chats(step, client, gateway, own, other, link) {
  const { socket } = client
  const chat = jid(other.number)
  const reported = client.reports(
    'chats.update', 'chats.delete', 'messages.update', 'messages.delete', 'contacts.upsert', 'labels.edit', 'labels.association', 'creds.update',
  )
  /** What Baileys reports because of what another device does: it reports its own changes, too. */
  const heard = async (what, name, act, fits) => {
    const before = reported[name].length
    await act()
    return client.until(`${what} (Baileys)`, () => reported[name].slice(before).find(fits))
  }
  const told = async (what, type, act, fits) => {
    const before = gateway.events.length
    await act()
    const found = await gateway.until(`${what} (WaGo)`, () => gateway.events.slice(before).find((e) => e.type === type && fits(e.event)))
    return found.event
  }
  const call = (path, body) => gateway.call('POST', path, body)
  const shown = async () => (await own.chats()).find((c) => c.chat === chat)
  const listed = async () => (await gateway.call('GET', '/chat/list')).chats.find((c) => c.JID === chat)
  const label = async () => (await gateway.call('GET', `/label/list?labelid=${LABEL}`)).labels[0]
  const has = (there, fields) => there && Object.entries(fields).every(([name, value]) => there[name] === value)
  /** On the phone, and in the session's list, once both have followed. */
  const both = async (phone, session) => {
    await own.network.until('the phone to show it', async () => has(await shown(), phone))
    await gateway.until('the session to list it', async () => has(await listed(), session))
  }
  /** A text of the other's, as Baileys needs it for its patches. */
  const text = async (words) => {
    await other.send(own.number, words)
    const message = await client.received(words, words)
    await gateway.received(words, words)
    return message
  }

  const last = await text('to be sorted')
  const lastMessages = [last]
  const key = { remoteJid: chat, id: last.key.id, fromMe: false }

  const marks = [
    [{ pin: true }, 'Pin', { pinned: true }, { pinned: true }, { Pinned: true }],
    [{ mute: LATER }, 'Mute', { muted: true, muteEndTimestamp: LATER }, { mutedUntil: LATER }, { Muted: true, MutedUntil: LATER / 1_000 }],
    [{ archive: true, lastMessages }, 'Archive', { archived: true }, { archived: true }, { Archived: true }],
    [{ markRead: false, lastMessages }, 'MarkChatAsRead', { read: false }, { markedUnread: true }, { MarkedUnread: true }],
    [{ markRead: true, lastMessages }, 'MarkChatAsRead', { read: true }, { markedUnread: false, unread: 0 }, { MarkedUnread: false, UnreadCount: 0 }],
    [{ archive: false, lastMessages }, 'Archive', { archived: false }, { archived: false }, { Archived: false }],
    [{ mute: null }, 'Mute', { muted: false }, { mutedUntil: undefined }, { Muted: false, MutedUntil: undefined }],
    [{ pin: false }, 'Pin', { pinned: false }, { pinned: false }, { Pinned: false }],
  ]
  await step('its pins, mutes, archives and marks are on its phone and in the session beside it', async () => {
    for (const [change, type, said, phone, session] of marks) {
      const { JID } = await told(type, type, () => socket.chatModify(change, chat), (e) => has(e.Action, said))
      assert.equal(JID, chat)
      await both(phone, session)
    }
  })

  await step('it goes by a LID as by a number', async () => {
    const { LID } = await listed()
    await told('the pin', 'Pin', () => socket.chatModify({ pin: true }, LID), (e) => [e.JID, e.JIDAlt].includes(chat) && e.Action.pinned)
    await both({ pinned: true }, { Pinned: true })
    await told('its end', 'Pin', () => socket.chatModify({ pin: false }, LID), (e) => !e.Action.pinned)
    await both({ pinned: false }, { Pinned: false })
  })

  await step('it hears what the session sets of a chat', async () => {
    for (const [path, body, fits] of [
      ['/chat/pin', {}, (c) => c.pinned > 0],
      ['/chat/unpin', {}, (c) => c.pinned === null],
      ['/chat/mute', { Duration: '8h' }, (c) => c.muteEndTime > Date.now()],
      ['/chat/unmute', {}, (c) => c.muteEndTime === null],
      ['/chat/archive', {}, (c) => c.archived === true],
      ['/chat/unarchive', {}, (c) => c.archived === false],
      ['/chat/markunread', {}, (c) => c.unreadCount === -1],
      ['/chat/markunread', { Unread: false }, (c) => c.unreadCount === 0],
    ])
      await heard(path, 'chats.update', () => call(path, { Phone: other.number, ...body }), (c) => c.id === chat && fits(c))
  })

  await step('it hears what its phone sets of a chat', async () => {
    for (const [action, more, fits] of [
      ['pin', {}, (c) => c.pinned > 0],
      ['pin', { on: false }, (c) => c.pinned === null],
      ['mute', { until: LATER }, (c) => c.muteEndTime === LATER],
      ['mute', { on: false }, (c) => c.muteEndTime === null],
      ['archive', {}, (c) => c.archived === true],
      ['archive', { on: false }, (c) => c.archived === false],
      ['unread', {}, (c) => c.unreadCount === -1],
      ['unread', { on: false }, (c) => c.unreadCount === 0],
    ])
      await heard(action, 'chats.update', () => own.chat(action, chat, more), (c) => c.id === chat && fits(c))
  })

  await step('stars are the same to all', async () => {
    const onPhone = (starred) => own.until('the star', (messages) => messages.some((m) => m.id === key.id && (m.starred ?? false) === starred))
    for (const starred of [true, false]) {
      const star = await told('the star', 'Star', () => socket.star(chat, [key], starred), (e) => e.MessageID === key.id && e.Action.starred === starred)
      assert.deepEqual([star.ChatJID, star.IsFromMe], [chat, false])
      await onPhone(starred)
    }
    const fits = (starred) => (u) => u.key.id === key.id && u.update.starred === starred
    await heard("the session's star", 'messages.update', () => call('/message/star', { Chat: chat, MessageID: key.id }), fits(true))
    await onPhone(true)
    await heard('its end on the phone', 'messages.update', () => own.chat('star', chat, { message: key.id, on: false }), fits(false))
  })

  await step('labels that it makes and puts on are on its phone and in the session', async () => {
    const edit = (fields) => socket.addLabel('', { id: LABEL, ...fields })
    const onPhone = (what, fits) => own.network.until(what, async () => fits((await own.labels()).find((l) => l.id === LABEL)))
    const made = await told('the label', 'LabelEdit', () => edit({ name: 'Paid', color: 3 }), (e) => e.LabelID === LABEL)
    assert.deepEqual([made.Action.name, made.Action.color], ['Paid', 3])
    await onPhone('the label', (l) => l?.name === 'Paid' && l.color === 3)
    const on = (labeled) => (e) => e.JID === chat && e.LabelID === LABEL && e.Action.labeled === labeled
    await told('it on the chat', 'LabelAssociationChat', () => socket.addChatLabel(chat, LABEL), on(true))
    const { MessageID } = await told('it on a message', 'LabelAssociationMessage', () => socket.addMessageLabel(chat, key.id, LABEL), on(true))
    assert.equal(MessageID, key.id)
    await onPhone('it on both', (l) => l.chats.includes(chat) && l.messages.includes(key.id))
    assert.deepEqual((await shown()).labels, [LABEL])
    const { name, color, chatCount, messageCount, labelled } = await label()
    assert.deepEqual([name, color, chatCount, messageCount], ['Paid', 3, 1, 1])
    assert.deepEqual(labelled, [{ jid: chat }, { jid: chat, messageid: key.id }])
    assert.deepEqual((await listed()).Labels, [LABEL])
    await told('its end on the message', 'LabelAssociationMessage', () => socket.removeMessageLabel(chat, key.id, LABEL), on(false))
    await told('its end on the chat', 'LabelAssociationChat', () => socket.removeChatLabel(chat, LABEL), on(false))
    await onPhone('its end on both', (l) => !l.chats.length && !l.messages.length)
    await told('another name', 'LabelEdit', () => edit({ name: 'Settled', color: 4 }), (e) => e.Action.name === 'Settled')
    await told('its end', 'LabelEdit', () => edit({ deleted: true }), (e) => e.Action.deleted)
    await onPhone('its end', (l) => l === undefined)
    await assert.rejects(label(), /404/)
  })

  await step('it hears of the labels of the session and of its phone', async () => {
    const on = (type, messageId) => (a) => a.type === type && has(a.association, { chatId: chat, labelId: LABEL, messageId })
    const name = 'labels.association'
    const body = { jid: chat, labelid: LABEL }
    const seen = await heard('the label', 'labels.edit', () => call('/label/edit', { labelid: LABEL, name: 'New', color: 2 }), (l) => l.id === LABEL)
    assert.deepEqual([seen.name, seen.color], ['New', 2])
    await heard('it on the chat', name, () => call('/label/chat', body), on('add'))
    await heard('it on a message', name, () => call('/label/message', { ...body, messageid: key.id }), on('add', key.id))
    await heard('its end there', name, () => call('/unlabel/message', { ...body, messageid: key.id }), on('remove', key.id))
    await heard('its end', name, () => call('/unlabel/chat', body), on('remove'))
    const edit = (fields) => own.network.call('POST', `/phones/${own.number}/labels`, { id: LABEL, ...fields })
    await heard("the phone's name for it", 'labels.edit', () => edit({ name: 'Newer', color: 5 }), (l) => l.name === 'Newer' && l.color === 5)
    await heard('it on a message of the phone', name, () => own.chat('label', chat, { label: LABEL, message: key.id }), on('add', key.id))
    await heard('it on the chat on the phone', name, () => own.chat('label', chat, { label: LABEL }), on('add'))
  })

  await step('contacts that it saves are in the address book and in the session', async () => {
    const book = () => own.network.call('GET', `/phones/${own.number}/contacts`)
    const saved = async () => (await book()).find((c) => c.number === other.number)?.name
    const contact = { fullName: 'Alice Liddell', firstName: 'Alice', saveOnPrimaryAddressbook: true }
    const { JID, Action } = await told('the contact', 'Contact', () => socket.addOrEditContact(chat, contact), (e) => e.JID === chat)
    assert.deepEqual([JID, Action.fullName, Action.firstName], [chat, 'Alice Liddell', 'Alice'])
    await own.network.until('it in the address book', async () => (await saved()) === 'Alice Liddell')
    const { FullName, FirstName } = (await gateway.call('GET', '/user/contacts'))[chat]
    assert.deepEqual([FullName, FirstName], ['Alice Liddell', 'Alice'])
    const taken = await told('its end', 'Contact', () => socket.removeContact(chat), (e) => e.JID === chat)
    assert.equal(taken.Action, null)
    assert.equal((await gateway.call('GET', '/user/contacts'))[chat]?.FullName ?? '', '')
    await own.network.until('its end on the phone', async () => (await saved()) === undefined)
    // Of a contact that others take out Baileys reports nothing.
    const save = () => own.network.call('POST', `/phones/${own.number}/contacts`, { number: other.number, name: 'Alice P. Liddell' })
    const seen = await heard("the phone's contact", 'contacts.upsert', save, (c) => c.id === chat)
    assert.deepEqual([seen.name, seen.phoneNumber], ['Alice P. Liddell', chat])
  })

  await step('the name of the account is the same to all', async () => {
    const onPhone = async () => (await own.network.call('GET', '/phones')).find((p) => p.number === own.number).name
    await told('its name', 'PushNameSetting', () => socket.updateProfileName('Carol I'), (e) => e.Action.name === 'Carol I')
    await own.network.until('it on the phone', async () => (await onPhone()) === 'Carol I')
    await heard("the session's name", 'creds.update', () => call('/user/name', { Name: 'Carol II' }), (c) => c.me?.name === 'Carol II')
    const rename = () => own.network.call('POST', `/phones/${own.number}/name`, { name: 'Carol III' })
    await heard("the phone's name", 'creds.update', rename, (c) => c.me?.name === 'Carol III')
  })

  await step('privacy settings are the same to all', async () => {
    const settings = () => gateway.call('GET', '/user/privacy')
    for (const [set, name, value] of [
      ['updateLastSeenPrivacy', 'LastSeen', 'contacts'],
      ['updateOnlinePrivacy', 'Online', 'match_last_seen'],
      ['updateProfilePicturePrivacy', 'Profile', 'none'],
      ['updateStatusPrivacy', 'Status', 'contacts'],
      ['updateGroupsAddPrivacy', 'GroupAdd', 'contacts'],
      ['updateCallPrivacy', 'CallAdd', 'known'],
      ['updateMessagesPrivacy', 'Messages', 'contacts'],
    ]) {
      await told(name, 'PrivacySettings', () => socket[set](value), (e) => e[`${name}Changed`] && e.NewSettings[name] === value)
      assert.equal((await settings())[name], value)
      await socket[set]('all')
    }
    await socket.updateDefaultDisappearingMode(DAY)
    assert.equal((await settings()).DefaultDisappearing, DAY)
    await socket.updateDefaultDisappearingMode(0)
    await call('/user/privacy', { Profile: 'contacts' })
    assert.equal((await socket.fetchPrivacySettings(true)).profile, 'contacts')
    await call('/user/privacy', { Profile: 'all' })
  })

  await step('another client of the account is given all of it', async () => {
    await socket.updateDisableLinkPreviewsPrivacy(true)
    await told('the pin', 'Pin', () => socket.chatModify({ pin: true }, chat), (e) => e.Action.pinned)
    const [more, given] = await link('messaging-history.set', 'contacts.upsert', 'chats.update', 'labels.edit', 'labels.association', 'settings.update')
    // By itself it asks only if its first history comes after all that it missed; so it is told to, and to wait no longer.
    await more.until('its key', () => more.socket.authState.creds.myAppStateKeyId)
    await more.socket.resyncAppState(ALL_WA_PATCH_NAMES, false)
    more.socket.ev.flush()
    // What is about a chat or a contact of its history comes with that.
    const past = (part) => given['messaging-history.set'].flatMap((history) => history[part])
    const one = (what, from, fits) => more.until(what, () => from().find(fits))
    await one('the contact', () => [...past('contacts'), ...given['contacts.upsert']], (c) => c.id === chat && c.name === 'Alice P. Liddell')
    await one('the pin', () => [...past('chats'), ...given['chats.update']], (c) => c.id === chat && c.pinned > 0)
    await one('the label', () => given['labels.edit'], (l) => l.id === LABEL && l.name === 'Newer')
    await one('it on the chat', () => given['labels.association'], (a) => a.type === 'add' && a.association.chatId === chat)
    await one('it on a message', () => given['labels.association'], (a) => a.type === 'add' && a.association.messageId === key.id)
    await one('the setting', () => given['settings.update'], (s) => s.setting === 'disableLinkPreviews' && s.value.isPreviewsDisabled)
    more.stop()
    await own.unlink(Math.max(...(await own.devices()).map((d) => d.id)))
  })

  await step('what it deletes is gone from its phone and from the session', async () => {
    const texts = async () => (await own.messages()).filter((m) => m.chat === chat).map((m) => m.text)
    const gone = await text('to be deleted')
    const deleteForMe = { key: { ...gone.key, remoteJid: chat }, timestamp: Number(gone.messageTimestamp), deleteMedia: false }
    const deletion = await told('the end of a message', 'DeleteForMe', () => socket.chatModify({ deleteForMe }, chat), (e) => e.MessageID === gone.key.id)
    assert.deepEqual([deletion.ChatJID, deletion.IsFromMe], [chat, false])
    await own.until('it gone', async () => !(await texts()).includes('to be deleted'))
    assert.ok((await texts()).includes('to be sorted'))
    const { DeleteStarred } = await told('the clearing', 'ClearChat', () => socket.chatModify({ clear: true, lastMessages }, chat), (e) => e.JID === chat)
    // What is starred goes, too: Baileys has no choice there.
    assert.equal(DeleteStarred, true)
    await own.until('no messages', async () => (await texts()).length === 0)
    // A chat ends with the messages that its deletion knows of: a newer one would keep it.
    const lastWord = await text('a last word')
    await own.chat('label', chat, { label: LABEL, on: false })
    await told('the end of the chat', 'DeleteChat', () => socket.chatModify({ delete: true, lastMessages: [lastWord] }, chat), (e) => e.JID === chat)
    assert.equal(await listed(), undefined)
    await own.network.until('no chat', async () => (await shown()) === undefined)
  })

  await step('it hears what the session and its phone delete', async () => {
    // Of a chat that was cleared Baileys reports nothing.
    const gone = await text('to be deleted on the phone')
    await heard('the end of a message', 'messages.delete', () => own.chat('delete-message', chat, { message: gone.key.id }), (d) => d.keys?.some((k) => k.remoteJid === chat && k.id === gone.key.id))
    await heard('the end of the chat', 'chats.delete', () => call('/chat/delete', { Phone: other.number }), (id) => id === chat)
    await text('once more')
    await heard('its end on the phone', 'chats.delete', () => own.chat('delete', chat), (id) => id === chat)
  })
}
