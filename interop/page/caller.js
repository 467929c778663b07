// What a browser that calls asks of the gateway and of the network.
import assert from 'node:assert/strict'

export const PATIENCE = { timeout: 30_000 }

export async function ask(base, method, path, headers, body) {
  const response = await fetch(base + path, { method, headers: { 'content-type': 'application/json', ...headers }, body: body && JSON.stringify(body) })
  const text = await response.text()
  const answer = text ? JSON.parse(text) : {}
  assert.ok(response.ok, `${method} ${path}: ${text}`)
  return answer.data ?? answer
}

/** Asks again and again until it is so: sound and pictures make no event. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE.timeout
  let seen
  while (Date.now() < end) {
    seen = await look()
    if (seen.so) return seen
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`waited in vain for ${what}: ${JSON.stringify(seen)}`)
}
