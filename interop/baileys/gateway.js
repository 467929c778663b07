// A WaGo session as an application uses it: HTTP, and a webhook receiver.
import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import { before } from './wait.js'

export class Gateway extends EventEmitter {
  events = []

  constructor(url, adminToken, token) {
    super()
    this.setMaxListeners(0)
    this.url = url
    this.adminToken = adminToken
    this.token = token
  }

  async call(method, path, body, headers = { token: this.token }) {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...headers, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${answer.error}`)
    return answer.data
  }

  /** Makes the session, points its webhook here, and connects it. */
  async start(name) {
    this.server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      this.events.push(JSON.parse(body))
      response.end()
      this.emit('change')
    })
    await new Promise((listening) => this.server.listen(0, '127.0.0.1', listening))
    await this.call('POST', '/session/init', { Name: name, Token: this.token, Os: 'witness' }, { admintoken: this.adminToken })
    await this.call('POST', '/webhook', { WebhookURL: `http://127.0.0.1:${this.server.address().port}/`, Format: 'json' })
    await this.call('POST', '/session/connect', { Subscribe: ['All'], Immediate: false })
  }

  until(what, check) {
    return before(what, (again) => this.on('change', again), (again) => this.off('change', again), check)
  }

  received(what, text) {
    return this.until(what, () =>
      this.events.find((e) => e.type === 'Message' && [e.event.Message?.conversation, e.event.Message?.extendedTextMessage?.text].includes(text)),
    )
  }

  receipt(what, id, state) {
    return this.until(what, () => this.events.find((e) => e.type === 'ReadReceipt' && e.state === state && e.event.MessageIDs?.includes(id)))
  }

  /** The event of the message with this id. */
  message(id) {
    return this.until(`the event of message ${id}`, () => this.events.find((e) => e.type === 'Message' && e.event.Info.ID === id))
  }

  /** A message's event whose text fits. */
  told(what, fits) {
    return this.until(what, () => this.events.find((e) => e.type === 'Message' && fits(JSON.stringify(e.event))))
  }

  /** The file of a received message, from the fields that its event has. */
  async bytes(kind, fields) {
    const { Data } = await this.call('POST', `/message/download/${kind}`, fields)
    return Buffer.from(Data.slice(Data.indexOf(',') + 1), 'base64')
  }

  stop() {
    this.server?.close()
    this.server?.closeAllConnections()
  }
}
