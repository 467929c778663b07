// The sandbox's control API: what a person does with the virtual phones.
import { EventEmitter } from 'node:events'
import { before } from './wait.js'

export class Network extends EventEmitter {
  constructor(url) {
    super()
    this.setMaxListeners(0)
    this.url = url
  }

  async call(method, path, body) {
    const response = await fetch(this.url + path, {
      method,
      headers: body ? { 'content-type': 'application/json' } : {},
      body: body && JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return text ? JSON.parse(text) : undefined
  }

  /** Follows the network's live updates; each one makes the waiting checks look again. */
  async follow() {
    const abort = new AbortController()
    const response = await fetch(this.url + '/updates', { headers: { accept: 'text/event-stream' }, signal: abort.signal })
    if (!response.ok) throw new Error(`GET /updates answered ${response.status}`)
    this.unfollow = () => abort.abort()
    const reader = response.body.getReader()
    const read = async () => {
      for (;;) {
        const { done } = await reader.read()
        if (done) return
        this.emit('change')
      }
    }
    read().catch((error) => abort.signal.aborted || this.emit('error', error))
  }

  info() {
    return this.call('GET', '/network')
  }

  /** Resolves with what `check` finds, looked for again after each change. */
  until(what, check) {
    return before(what, (again) => this.on('change', again), (again) => this.off('change', again), check)
  }

  phone(number) {
    return new Phone(this, number)
  }
}

class Phone {
  constructor(network, number) {
    this.network = network
    this.number = number
  }

  create(name) {
    return this.network.call('POST', '/phones', { number: this.number, name })
  }

  scan(qr) {
    return this.network.call('POST', `/phones/${this.number}/link`, { qr })
  }

  /** A group of its own making; returns the group's JID. */
  async group(subject, participants) {
    const { jid } = await this.network.call('POST', '/groups', { subject, owner: this.number, participants })
    return jid
  }

  devices() {
    return this.network.call('GET', `/phones/${this.number}/devices`)
  }

  unlink(id) {
    return this.network.call('DELETE', `/phones/${this.number}/devices/${id}`)
  }

  send(to, text, more = {}) {
    return this.network.call('POST', `/phones/${this.number}/send`, { to, text, ...more })
  }

  read(id) {
    return this.network.call('POST', `/phones/${this.number}/read`, { id })
  }

  chats() {
    return this.network.call('GET', `/phones/${this.number}/chats`)
  }

  /** What its person does with a chat. */
  chat(action, chat, more = {}) {
    return this.network.call('POST', `/phones/${this.number}/chats/${action}`, { chat, ...more })
  }

  labels() {
    return this.network.call('GET', `/phones/${this.number}/labels`)
  }

  messages() {
    return this.network.call('GET', `/phones/${this.number}/messages`)
  }

  until(what, check) {
    return this.network.until(what, async () => check(await this.messages()))
  }

  received(what, text) {
    return this.until(what, (messages) => messages.find((m) => m.text === text))
  }
}
