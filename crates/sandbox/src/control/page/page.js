// The page keeps no truth of its own: it shows what the API says, and looks again when told that something changed.
const $ = (selector) => document.querySelector(selector)
const look = { phones: [], chosen: sessionStorage.chosen ?? null, chat: null, messages: [], devices: [], screens: [] }

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body ? { 'content-type': 'application/json' } : {},
    body: body && JSON.stringify(body),
  })
  const text = await response.text()
  const answer = text ? JSON.parse(text) : null
  if (!response.ok) throw new Error(answer?.error ?? `the network answered ${response.status}`)
  return answer
}

let quiet
function complain(error) {
  const box = $('#trouble')
  box.textContent = error.message
  box.hidden = false
  clearTimeout(quiet)
  quiet = setTimeout(() => { box.hidden = true }, 6000)
}

/** Runs what a person asked for; what goes wrong is shown. */
async function act(work, button) {
  if (button) button.disabled = true
  try {
    await work()
  } catch (error) {
    complain(error)
  } finally {
    if (button) button.disabled = false
  }
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value)
    else if (value === true) made.setAttribute(name, '')
    else if (value !== false && value != null) made.setAttribute(name, value)
  }
  made.append(...children.filter((child) => child != null))
  return made
}

/** Fills a list anew, but only when what it shows is news: whoever points at it or stands in it is not disturbed. */
function fill(list, shown, make) {
  const news = JSON.stringify(shown)
  if (list.dataset.shown === news) return false
  list.dataset.shown = news
  list.replaceChildren(...make())
  return true
}

const user = (jid) => jid.split('@')[0].split(':')[0]
const nameOf = (jid) => look.phones.find((phone) => phone.number === user(jid))?.name ?? `+${user(jid)}`
const chosen = () => look.phones.find((phone) => phone.number === look.chosen)

function face(text, number) {
  const hue = [...number].reduce((sum, digit) => (sum * 31 + digit.charCodeAt(0) * 137) % 360, 7)
  return element('span', { class: 'face', style: `background: hsl(${hue} 45% 38%)`, 'aria-hidden': 'true' }, text.slice(0, 1).toUpperCase())
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
}

function choose(number) {
  look.chosen = number
  sessionStorage.chosen = number
  look.chat = null
  refreshPhone()
}

function drawPhones() {
  fill($('#phones'), [look.phones, look.chosen], () => look.phones.map((phone) => element('li', {},
    element('button', { 'aria-current': phone.number === look.chosen ? 'true' : null, onclick: () => choose(phone.number) },
      face(phone.name, phone.number),
      element('span', {}, phone.name, element('small', {}, `+${phone.number}`)),
      phone.unread ? element('span', { class: 'count', 'aria-label': `${phone.unread} unread` }, String(phone.unread)) : null))))
  const name = chosen()?.name ?? 'the phone'
  for (const place of document.querySelectorAll('.chosen')) place.textContent = name
}

const signs = { poll: '📊', location: '📍', contact: '👤', event: '📅', invite: '✉️' }

function said(message) {
  if (message.kind === 'poll') return ''
  if (message.kind === 'deleted') return 'This message was deleted'
  if (message.kind === 'unsupported') return 'A kind of message that this phone cannot show'
  const text = message.media ? message.caption ?? '' : message.text
  return signs[message.kind] ? `${signs[message.kind]} ${text}` : text
}

const names = { image: 'Photo', video: 'Video', audio: 'Audio', document: 'Document', sticker: 'Sticker' }

/** A message in one line. */
function summary(message) {
  if (message.kind === 'poll') return `${signs.poll} ${message.text.split('\n')[0]}`
  if (!message.media) return said(message)
  const name = message.media.filename ?? (message.media.ptt ? 'Voice note' : names[message.kind])
  return message.caption ? `${name}: ${message.caption}` : name
}

function size(bytes) {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

const viewable = /^(image\/(png|jpeg|gif|webp)|audio\/.*|video\/.*)(;|$)/

/** The file that a message brought: shown where a browser can, and offered otherwise. */
function file(message) {
  if (!message.media) return null
  const source = `/phones/${look.chosen}/messages/${encodeURIComponent(message.id)}/media`
  const link = () => element('a', { class: 'file', href: source, download: message.media.filename ?? '' },
    `↓ ${message.media.filename ?? names[message.kind]} (${size(message.media.size)})`)
  if (!viewable.test(message.media.mimetype)) return link()
  // What cannot be had, or is not what it is called, is offered like any other file.
  const instead = (event) => event.target.replaceWith(link())
  if (message.kind === 'image' || message.kind === 'sticker') {
    const { width, height } = message.media
    return element('img', { class: `file ${message.kind}`, src: source, alt: message.caption ?? names[message.kind], width, height, onerror: instead })
  }
  if (message.kind === 'audio' || message.kind === 'video') {
    return element(message.kind, { class: 'file', src: source, controls: true, preload: 'metadata', onerror: instead })
  }
  return link()
}

/** A poll, with what each voted for last. A click votes for an option, or takes the vote back. */
function poll(message) {
  if (message.kind !== 'poll') return null
  const [question, ...options] = message.text.split('\n')
  const votes = new Map()
  for (const vote of look.messages) {
    if (vote.kind === 'vote' && vote.target === message.id) votes.set(vote.from, vote.text ? vote.text.split('\n') : [])
  }
  const own = votes.get(chosen().jid) ?? []
  const vote = (option) => call('POST', `/phones/${look.chosen}/vote`, { id: message.id, options: own.includes(option) ? [] : [option] })
  return element('div', { class: 'poll' }, element('strong', {}, `${signs.poll} ${question}`), ...options.map((option) => {
    const count = [...votes.values()].filter((chosen) => chosen.includes(option)).length
    return element('button', { 'aria-pressed': String(own.includes(option)), onclick: (event) => act(() => vote(option), event.currentTarget) },
      option, element('span', { class: 'votes' }, String(count)))
  }))
}

/** What can be done with a message: liked, and taken back if it is one's own. */
function deeds(message) {
  if (message.kind === 'deleted' || message.state === 'pending') return null
  const path = `/phones/${look.chosen}`
  const liked = message.reactions?.[chosen().jid] === '👍'
  const deed = (title, sign, work) => element('button', { class: 'deed', title, 'aria-label': title, onclick: (event) => act(work, event.currentTarget) }, sign)
  return element('span', { class: 'deeds' },
    deed(liked ? 'Take the thumb back' : 'React with a thumb', '👍', () => call('POST', `${path}/react`, { id: message.id, emoji: liked ? '' : '👍' })),
    message.fromMe ? deed('Delete for everyone', '🗑', () => call('POST', `${path}/delete`, { id: message.id })) : null)
}

/** What was typed, as the kind that was chosen for it. */
const kinds = {
  text: { hint: 'Message', read: (text) => ({ text }) },
  poll: {
    hint: 'Question? | one option | another',
    read: (text) => {
      const [question, ...options] = text.split('|').map((part) => part.trim())
      return { poll: { question, options, most: 1 } }
    },
  },
  location: {
    hint: '52.52, 13.40 name of the place',
    read: (text) => {
      const [, latitude, longitude, name] = /^\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*(.*)$/.exec(text) ?? []
      if (latitude === undefined) throw new Error('a place is written as latitude, longitude and a name')
      return { location: { latitude: Number(latitude), longitude: Number(longitude), ...(name ? { name } : {}) } }
    },
  },
  contact: {
    hint: 'Ana Lima, +1 555 000 0009',
    read: (text) => {
      const [name, number = ''] = text.split(',').map((part) => part.trim())
      const digits = number.replace(/\D/g, '')
      const vcard = `BEGIN:VCARD\nVERSION:3.0\nFN:${name}\nTEL;type=CELL;waid=${digits}:+${digits}\nEND:VCARD`
      return { contact: { name, vcard } }
    },
  },
}

/** A picked file as a part of a message. */
async function picked(file, words) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result)
    reader.onerror = () => reject(new Error('the file cannot be read'))
    reader.readAsDataURL(file)
  })
  if (file.size === 0) throw new Error('the file is empty')
  const typed = file.type ? url : url.replace(/^data:[^;,]*/, 'data:application/octet-stream')
  const caption = words ? { caption: words } : {}
  if (/^image\/(png|jpeg|gif|webp)$/.test(file.type)) return { image: typed, ...caption }
  if (file.type.startsWith('video/')) return { video: typed, ...caption }
  if (file.type.startsWith('audio/') && !words) return { audio: typed }
  return { document: typed, filename: file.name, ...caption }
}

function drawPhone() {
  const phone = chosen()
  const shown = look.messages.filter(({ kind }) => kind !== 'reaction' && kind !== 'vote')
  const inChat = look.chat !== null
  $('#chats').hidden = inChat
  $('#messages').hidden = !inChat
  $('#back').hidden = !inChat
  $('#compose [name=to]').hidden = inChat
  $('#title').textContent = inChat ? nameOf(look.chat) : phone ? `${phone.name}'s phone` : 'No phone yet'
  $('#subtitle').textContent = inChat ? `+${user(look.chat)}` : phone ? `+${phone.number}` : 'Add one on the left'
  const chats = new Map()
  for (const message of shown) chats.set(message.chat, message)
  const newest = [...chats].sort(([, a], [, b]) => b.cursor - a.cursor)
  fill($('#chats'), [newest, look.phones], () => (newest.length ? newest.map(([chat, last]) => element('li', {},
    element('button', { onclick: () => { look.chat = chat; drawPhone(); readChat() } },
      face(nameOf(chat), user(chat)),
      element('span', {}, element('strong', {}, nameOf(chat)),
        element('span', { class: 'last' }, (last.fromMe ? 'You: ' : '') + summary(last))))))
    : [element('li', { class: 'empty' }, 'No messages yet. Type a number and a text below, or send something to this phone.')]))
  if (!inChat) return
  const list = $('#messages')
  const marks = { pending: '◌', sent: '✓', delivered: '✓✓', read: '✓✓', refused: '✕ not sent' }
  const thread = shown.filter((message) => message.chat === look.chat)
  const drawn = fill(list, [thread, look.messages.filter(({ kind }) => kind === 'vote')], () => thread.map((message) => {
    const reactions = Object.values(message.reactions ?? {}).join(' ')
    return element('li', { class: message.fromMe ? 'mine' : null },
      message.quoted ? element('span', { class: 'quote' }, message.quoted.text ?? '…') : null,
      file(message),
      poll(message),
      said(message),
      deeds(message),
      element('span', { class: 'meta' }, reactions ? element('span', { class: 'reaction' }, `${reactions} `) : null,
        `${message.edited ? 'edited ' : ''}${clock(message.timestamp)} `,
        message.fromMe ? element('span', { class: message.state === 'read' ? 'seen' : null, title: message.state }, marks[message.state] ?? '') : null))
  }))
  if (drawn) list.scrollTop = list.scrollHeight
}

function drawDevices() {
  const linked = look.devices.filter((device) => device.id !== 0)
  fill($('#devices'), [look.chosen, linked], () => (linked.length ? linked.map((device) => element('li', {},
    element('span', { class: device.online ? 'dot on' : 'dot' }),
    element('span', {}, device.name || 'A device', element('small', {}, device.online ? 'online' : 'offline')),
    element('button', { class: 'quiet', onclick: (event) => act(() => call('DELETE', `/phones/${look.chosen}/devices/${device.id}`), event.target) }, 'Log out')))
    : [element('li', { class: 'hint' }, 'None.')]))
}

function drawScreens() {
  $('#nobody').hidden = look.screens.length > 0
  fill($('#screens'), [look.screens, chosen()], () => look.screens.map((screen) => element('li', {},
    element('img', { src: screen.picture, alt: `QR code of session ${screen.name}` }),
    element('div', {}, element('strong', {}, screen.name),
      element('button', {
        disabled: !look.chosen,
        onclick: (event) => act(() => call('POST', `/phones/${look.chosen}/link`, { qr: screen.qr }), event.target),
      }, `Scan with ${chosen()?.name ?? 'a phone'}`)))))
}

async function readChat() {
  const unread = look.messages.some((message) => message.chat === look.chat && !message.fromMe)
  if (look.chat && unread) await act(() => call('POST', `/phones/${look.chosen}/read`, { chat: look.chat }))
}

async function refreshPhone() {
  const number = look.chosen
  if (!number) { drawPhone(); return }
  const [messages, devices] = await Promise.all([everyMessage(number), call('GET', `/phones/${number}/devices`)])
  if (number !== look.chosen) return
  look.messages = messages
  look.devices = devices
  drawPhones()
  drawPhone()
  drawDevices()
  drawScreens()
}

async function everyMessage(number) {
  const all = []
  for (;;) {
    const next = await call('GET', `/phones/${number}/messages?after=${all.at(-1)?.cursor ?? 0}`)
    all.push(...next)
    if (next.length < 1000) return all
  }
}

async function refresh() {
  const [phones, screens, network] = await Promise.all([call('GET', '/phones'), call('GET', '/screens'), call('GET', '/network')])
  look.phones = phones
  look.screens = screens
  if (!chosen()) look.chosen = phones[0]?.number ?? null
  const many = (count, one) => `${count} ${one}${count === 1 ? '' : 's'}`
  const linked = network.devices - network.accounts
  $('#glance').textContent = `${many(network.accounts, 'phone')}, ${many(linked, 'linked device')}, ${network.sockets} online`
  drawPhones()
  drawScreens()
  await refreshPhone()
  await readChat()
}

// A burst of changes is looked at once more after it, not once for each.
let looking = false
let again = false
async function soon() {
  if (looking) { again = true; return }
  looking = true
  try {
    await refresh()
  } catch (error) {
    complain(error)
  }
  looking = false
  if (again) { again = false; soon() }
}

$('#back').addEventListener('click', () => { look.chat = null; drawPhone() })
$('#new-phone').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = event.target
  act(async () => {
    const phone = await call('POST', '/phones', { number: form.number.value, name: form.name.value })
    form.reset()
    choose(phone.number)
  }, event.submitter)
})
$('#compose').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = event.target
  act(async () => {
    const to = look.chat ?? form.to.value
    const [attached] = form.file.files
    const message = attached ? await picked(attached, form.text.value) : kinds[form.kind.value].read(form.text.value)
    await call('POST', `/phones/${look.chosen}/send`, { to, ...message })
    form.text.value = ''
    form.file.value = ''
    form.kind.value = 'text'
    attach(form)
    if (!look.chat) {
      await refreshPhone()
      look.chat = look.messages.findLast((message) => message.fromMe)?.chat ?? null
      form.to.value = ''
      drawPhone()
    }
    form.text.focus()
  }, event.submitter)
})
/** Says which file waits to be sent; with one, words are optional. */
function attach(form) {
  const [attached] = form.file.files
  form.text.required = !attached
  form.text.placeholder = attached ? `Caption of ${attached.name}` : kinds[form.kind.value].hint
  form.querySelector('.attach').classList.toggle('picked', Boolean(attached))
}
$('#compose').file.addEventListener('change', (event) => attach(event.target.form))
$('#compose').kind.addEventListener('change', (event) => attach(event.target.form))
$('#scan').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = event.target
  act(async () => {
    const { qr, code } = Object.fromEntries(new FormData(form))
    await call('POST', `/phones/${look.chosen}/link`, code.trim() ? { code } : { qr })
    form.reset()
  }, event.submitter)
})

const updates = new EventSource('/updates')
updates.onopen = soon
updates.onmessage = soon
updates.onerror = () => { $('#glance').textContent = 'The network does not answer; trying again…' }
