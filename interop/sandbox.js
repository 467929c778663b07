// `wago sandbox` as a child process, on free ports and a data folder of its own.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const ADMIN = 'interop-admin-token'

/** Resolves with the two addresses once both answer; `stop` ends it and removes what it wrote. */
export async function sandbox(binary) {
  if (!binary) {
    console.error('the path of a wago that was built with the feature `sandbox` is missing')
    process.exit(2)
  }
  const data = mkdtempSync(join(tmpdir(), 'wago-interop-'))
  const wago = spawn(binary, ['sandbox', '--data', data, '--port', '0', '--sandbox-port', '0', '--admintoken', ADMIN], {
    stdio: ['ignore', 'pipe', process.env.WAGO_STDERR ? 'inherit' : 'ignore'],
  })
  const ended = new Promise((resolve) => wago.once('exit', resolve))
  const [gateway, network] = await new Promise((resolve, reject) => {
    ended.then((code) => reject(new Error(`wago ended with ${code} before it was ready`)))
    createInterface({ input: wago.stdout }).on('line', (line) => {
      if (line.startsWith('ready ')) resolve(line.split(' ').slice(1))
    })
  })
  const stop = async () => {
    wago.kill('SIGTERM')
    await ended
    rmSync(data, { recursive: true, force: true })
  }
  return { gateway, network, stop }
}

/** Steps that go on after one failed, and the count that the caller ends with. */
export function steps() {
  let passed = 0
  let failed = 0
  const step = async (name, run) => {
    try {
      await run()
      passed += 1
      console.log(`ok    ${name}`)
    } catch (error) {
      failed += 1
      console.log(`FAIL  ${name}\n      ${error.stack}`)
    }
  }
  const end = () => {
    console.log(`\n${passed} passed, ${failed} failed`)
    process.exit(failed === 0 ? 0 : 1)
  }
  return { step, end }
}
