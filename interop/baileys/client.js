// One Baileys client on the sandbox network. Nothing of Baileys is patched: it is given another address, the network's
// root key in place of WhatsApp's (an exported constant), and a store in memory.
import { EventEmitter } from 'node:events'
import makeWASocket, { BufferJSON, DEF_MEDIA_HOST, DisconnectReason, WA_CERT_DETAILS, initAuthCreds, proto } from '@whiskeysockets/baileys'
import { before } from './wait.js'

const MEDIA_HOST = `https://${DEF_MEDIA_HOST}`

const silent = { level: 'silent', trace() {}, debug() {}, info() {}, warn() {}, error() {}, child: () => silent }
const logger = process.env.WITNESS_LOG
  ? { ...silent, level: 'debug', warn: (...a) => console.error('baileys warn', ...a), error: (...a) => console.error('baileys error', ...a), child: () => logger }
  : silent

export function trustRoot(hex) {
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(hex, 'hex')
}

/** Credentials and keys that outlive a socket; kept as text, as an application would keep them on disk. */
export class AuthState {
  #creds = initAuthCreds()
  #keys = new Map()

  state() {
    const keys = this.#keys
    return {
      creds: this.#creds,
      keys: {
        async get(type, ids) {
          const found = {}
          for (const id of ids) {
            const text = keys.get(`${type}/${id}`)
            if (text === undefined) continue
            const value = JSON.parse(text, BufferJSON.reviver)
            // These are protobufs, whose JSON has their bytes in base64.
            found[id] = type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value
          }
          return found
        },
        async set(data) {
          for (const [type, entries] of Object.entries(data))
            for (const [id, value] of Object.entries(entries ?? {}))
              if (value) keys.set(`${type}/${id}`, JSON.stringify(value, BufferJSON.replacer))
              else keys.delete(`${type}/${id}`)
        },
      },
    }
  }

  /** A copy that shares nothing with this one, as if read from disk by a new process. */
  reload() {
    const copy = new AuthState()
    copy.#creds = JSON.parse(JSON.stringify(this.#creds, BufferJSON.replacer), BufferJSON.reviver)
    copy.#keys = new Map(this.#keys)
    return copy
  }
}

/** Baileys knows WhatsApp's media host by its name; what it asks there goes to the sandbox's. Node has no name for the dispatcher of its own `fetch`. */
const toMediaHost = (host) => ({
  dispatch: (asked, handler) =>
    globalThis[Symbol.for('undici.globalDispatcher.1')].dispatch(asked.origin === MEDIA_HOST ? { ...asked, origin: `https://${host}` } : asked, handler),
})

export class Client extends EventEmitter {
  #auth
  #url
  #socket
  #reports = []
  /** Everything received so far, so that a step may look for what came before it asked. */
  messages = []
  receipts = []
  updates = []
  qrShown = 0
  ended = undefined

  constructor(url, auth) {
    super()
    this.setMaxListeners(0)
    this.#url = url
    this.#auth = auth
  }

  get socket() {
    return this.#socket
  }

  get me() {
    return this.#socket.user
  }

  start() {
    const socket = makeWASocket({
      waWebSocketUrl: this.#url,
      auth: this.#auth.state(),
      logger,
      version: [2, 3000, 1043857760],
      syncFullHistory: false,
      options: { dispatcher: toMediaHost(new URL(this.#url).host) },
      // A message that the other side could not read is asked for again; the answer comes from what was sent here.
      getMessage: async (key) => this.messages.find((m) => m.key.id === key.id)?.message,
    })
    this.#socket = socket
    for (const reported of this.#reports) this.#follow(reported)
    socket.ev.on('creds.update', (update) => Object.assign(socket.authState.creds, update))
    socket.ev.on('messages.upsert', ({ messages }) => {
      this.messages.push(...messages)
      // A receipt that comes with the message's own announcement is folded into it.
      for (const { key, status } of messages) if (status != null) this.receipts.push({ id: key.id, status })
      this.emit('change')
    })
    socket.ev.on('messages.update', (updates) => {
      this.updates.push(...updates)
      for (const { key, update } of updates) if (update.status != null) this.receipts.push({ id: key.id, status: update.status })
      this.emit('change')
    })
    socket.ev.on('connection.update', (update) => {
      if (update.qr) {
        this.qrShown += 1
        this.qr = update.qr
      }
      if (update.connection === 'open') this.open = true
      if (update.connection === 'close') {
        this.open = false
        const code = update.lastDisconnect?.error?.output?.statusCode
        // 515 follows every pairing: the client must come back with its new credentials.
        if (code === DisconnectReason.restartRequired) this.start()
        else this.ended = code ?? 'closed'
      }
      this.emit('change')
    })
    return this
  }

  /** Resolves with what `check` finds, looked for again after each event. */
  until(what, check) {
    return before(what, (again) => this.on('change', again), (again) => this.off('change', again), check)
  }

  connected() {
    return this.until('the client to be online', () => this.open)
  }

  /** What it reports of these sorts, from here on: a list for each. */
  reports(...names) {
    const reported = Object.fromEntries(names.map((name) => [name, []]))
    this.#reports.push(reported)
    this.#follow(reported)
    return reported
  }

  #follow(reported) {
    for (const [name, seen] of Object.entries(reported))
      this.#socket.ev.on(name, (update) => {
        seen.push(...[update].flat())
        this.emit('change')
      })
  }

  received(what, text) {
    return this.until(what, () => this.messages.find((m) => textOf(m) === text))
  }

  /** The message with this id. */
  message(id) {
    return this.until(`message ${id}`, () => this.messages.find((m) => m.key.id === id && m.message))
  }

  /** An update of the message with this id that fits. */
  changed(what, id, fits) {
    return this.until(what, () => this.updates.find((u) => u.key.id === id && fits(u.update)))
  }

  reached(what, id, status) {
    return this.until(what, () => this.receipts.find((r) => r.id === id && r.status >= status))
  }

  stop() {
    this.#socket.end(undefined)
  }
}

export function textOf(message) {
  const content = message.message
  return content?.conversation ?? content?.extendedTextMessage?.text
}
