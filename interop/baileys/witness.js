// An independent client joins the network: Baileys, which shares no line with WaGo or its protocol engine.
// usage: node witness.js PATH-TO-WAGO   (a build with the feature `sandbox`)
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sandbox } from '../sandbox.js'

const { gateway, network, stop } = await sandbox(process.argv[2])
const { caPem } = await (await fetch(network + '/network')).json()
const folder = mkdtempSync(join(tmpdir(), 'wago-witness-'))
const authority = join(folder, 'authority.pem')
writeFileSync(authority, caPem)

// Node reads whom it trusts when it starts; Baileys reaches the media host by nothing but https.
const journey = spawn(process.execPath, [fileURLToPath(new URL('journey.js', import.meta.url)), gateway, network], {
  stdio: 'inherit',
  env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
})
const code = await new Promise((resolve) => journey.once('exit', resolve))
await stop()
rmSync(folder, { recursive: true, force: true })
process.exit(code ?? 1)
