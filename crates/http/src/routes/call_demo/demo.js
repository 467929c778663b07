// One call at a time: what rings is shown, and this page is joined to the call that it makes or takes, with picture if it has one.
const $ = (selector) => document.querySelector(selector)
const speaker = $('#speaker')

/** How often it is asked how calls stand while one goes on, and otherwise, in ms: the stream of events tells what changes. */
const OFTEN = 1_000
const SELDOM = 10_000

/** With `?raw` the browser sends what the microphone gives, music and all. */
const better = !new URLSearchParams(location.search).has('raw')

let token = sessionStorage.getItem('token')
/** The call that this page is in. */
let current = null
let calls = []
let listening = null
let timer = null

function trouble(text) {
  $('#trouble').textContent = text
  $('#trouble').hidden = !text
}

async function api(method, path, body) {
  const head = body === undefined ? { token } : { token, 'content-type': 'application/json' }
  const response = await fetch(path, { method, headers: head, body: body && JSON.stringify(body) })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error ?? `${path} answered ${response.status}`)
  return answer
}

/** Does what was asked for, and says so if it cannot be done. */
async function attempt(work) {
  trouble('')
  try {
    return await work()
  } catch (error) {
    trouble(error.message)
  }
}

// The browser's end of a call

async function microphone() {
  if (!navigator.mediaDevices) {
    throw new Error('Browsers give a microphone to pages over HTTPS or on this machine only: open this page under such an address.')
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: better, noiseSuppression: better, autoGainControl: better } })
  } catch (error) {
    throw new Error(`There is no microphone to speak into: ${error.message}`)
  }
}

/** What WhatsApp takes: a picture counts as the fifteenth part of a second there, however long it lasts. */
const PICTURES = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 15, max: 15 } }
const BITS = 1_000_000

/** Whoever has no camera sees the other's picture, and is not seen. */
async function camera() {
  try {
    return await navigator.mediaDevices.getUserMedia({ video: PICTURES })
  } catch (error) {
    $('#camera').textContent = `You are not seen, as there is no camera: ${error.message}`
    return null
  }
}

/** WhatsApp's codec is H.264 in its simplest profile: it is offered first, and nothing else if the browser has it. */
function preferred() {
  const { codecs } = RTCRtpReceiver.getCapabilities('video')
  const h264 = codecs.filter(({ mimeType, sdpFmtpLine = '' }) => mimeType === 'video/H264' && sdpFmtpLine.includes('packetization-mode=1'))
  const simple = (codec) => Number(codec.sdpFmtpLine.includes('profile-level-id=42e0'))
  h264.sort((one, other) => simple(other) - simple(one))
  return h264.length > 0 ? [...h264, ...codecs.filter(({ mimeType }) => mimeType === 'video/rtx')] : codecs
}

/** Joins the call with the microphone, and with the camera if it is a video call. Candidates that are found later follow on their own. */
async function join(callID, sound, video) {
  const { iceServers } = await api('GET', '/call/webrtc/config')
  const peer = new RTCPeerConnection({ iceServers })
  $('#camera').textContent = ''
  const film = video ? await camera() : null
  current = { callID, peer, sound, film, video, state: '', muted: false }
  for (const track of sound.getTracks()) peer.addTrack(track, sound)
  if (video) {
    const limits = { sendEncodings: [{ maxBitrate: BITS, maxFramerate: 15 }] }
    const way = film
      ? peer.addTransceiver(film.getVideoTracks()[0], { direction: 'sendrecv', ...limits })
      : peer.addTransceiver('video', { direction: 'recvonly' })
    way.setCodecPreferences(preferred())
    $('#own').srcObject = film
  }
  peer.addEventListener('track', ({ track, streams }) => {
    if (track.kind === 'video') {
      $('#theirs').srcObject = new MediaStream([track])
      return
    }
    speaker.srcObject = streams[0] ?? new MediaStream([track])
    meter('#heard', speaker.srcObject)
  })
  const found = []
  let answered = false
  const tell = (candidate) => api('POST', '/call/webrtc/candidate', { callID, candidate }).catch(() => {})
  peer.addEventListener('icecandidate', ({ candidate }) => {
    const text = candidate?.candidate ?? ''
    if (answered) tell(text)
    else found.push(text)
  })
  peer.addEventListener('connectionstatechange', () => {
    $('#line').textContent = `Browser: ${peer.connectionState}`
    if (peer.connectionState === 'failed') trouble('The gateway could not be reached over UDP: see its setting call-ports, or set a TURN server.')
  })
  await peer.setLocalDescription(await peer.createOffer())
  const { sdp } = await api('POST', '/call/webrtc/offer', { callID, type: 'offer', sdp: peer.localDescription.sdp })
  await peer.setRemoteDescription({ type: 'answer', sdp })
  answered = true
  found.splice(0).forEach(tell)
  meter('#said', sound)
  draw()
}

function leave() {
  if (!current) return
  current.peer.close()
  current.sound.getTracks().forEach((track) => track.stop())
  current.film?.getTracks().forEach((track) => track.stop())
  current = null
  speaker.srcObject = null
  $('#theirs').srcObject = null
  $('#own').srcObject = null
  draw()
}

/** Shows how loud a stream is, as long as the call goes on. */
function meter(selector, stream) {
  const context = new AudioContext()
  const analyser = new AnalyserNode(context, { fftSize: 2048 })
  context.createMediaStreamSource(stream).connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const call = current
  const show = () => {
    if (current !== call) {
      context.close()
      $(selector).value = -60
      return
    }
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    $(selector).value = Math.max(-60, 10 * Math.log10(power + 1e-9))
    requestAnimationFrame(show)
  }
  show()
}

// What is done to calls

async function make(phone, video) {
  const sound = await microphone()
  try {
    const { data } = await api('POST', '/call/make', { Phone: phone, Video: video })
    await join(data.callID, sound, video)
  } catch (error) {
    sound.getTracks().forEach((track) => track.stop())
    throw error
  }
  await refresh()
}

/** Answers it, or speaks in one that goes on: this page may have been closed in the middle of it. */
async function take({ callID, direction, state, media }) {
  if (current) throw new Error('Hang up first: this page is in one call at a time.')
  const sound = await microphone()
  try {
    if (direction === 'incoming' && state === 'ringing') await api('POST', '/call/answer', { CallID: callID })
    await join(callID, sound, media === 'video')
  } catch (error) {
    sound.getTracks().forEach((track) => track.stop())
    throw error
  }
  await refresh()
}

/** Hangs up; of a call that rings here that is to decline it. */
async function end(callID) {
  if (current?.callID === callID) leave()
  await api('POST', '/call/hangup', { CallID: callID })
  await refresh()
}

async function mute() {
  const muted = !current.muted
  await api('POST', '/call/mute', { CallID: current.callID, Muted: muted })
  current.muted = muted
  draw()
}

// How calls stand

const name = (jid) => (jid.endsWith('@s.whatsapp.net') ? `+${jid.split('@')[0]}` : jid)
const person = (call) => name([call.peer, call.peerAlt].find((jid) => jid?.endsWith('@s.whatsapp.net')) ?? call.peer)
const length = (ms) => `${Math.floor(ms / 60_000)}:${String(Math.floor(ms / 1000) % 60).padStart(2, '0')}`
const over = (call) => call.state === 'ended' || call.state === 'rejected'

async function refresh() {
  clearTimeout(timer)
  calls = (await api('GET', '/call/status')).data.calls
  const own = current && calls.find((call) => call.callID === current.callID)
  if (current && (!own || over(own))) leave()
  draw()
  timer = setTimeout(() => refresh().catch(() => {}), current ? OFTEN : SELDOM)
}

function button(text, kind, act) {
  const made = document.createElement('button')
  made.type = 'button'
  made.className = kind
  made.textContent = text
  made.addEventListener('click', async () => {
    made.disabled = true
    await attempt(act)
    made.disabled = false
  })
  return made
}

function line(...parts) {
  const item = document.createElement('li')
  item.append(...parts)
  return item
}

function text(kind, content) {
  const made = document.createElement(kind)
  made.textContent = content
  return made
}

function draw() {
  const others = calls.filter((call) => !over(call) && call.callID !== current?.callID)
  const rings = (call) => call.direction === 'incoming' && call.state === 'ringing'
  $('#others').hidden = others.length === 0
  const shown = others.map((call) => call.callID + call.state).join()
  // A button that is about to be pressed stays where it is.
  if ($('#others').dataset.shown !== shown) {
    $('#others').dataset.shown = shown
    $('#others ul').replaceChildren(...others.map((call) => line(
      text('span', rings(call) ? `${person(call)} calls${call.media === 'video' ? ' with picture' : ''}` : `${person(call)}: ${call.state}`),
      button(rings(call) ? 'Answer' : 'Join', '', () => take(call)),
      button(rings(call) ? 'Reject' : 'Hang up', 'alarm', () => end(call.callID)),
    )))
  }
  const own = current && calls.find((call) => call.callID === current.callID)
  $('#call').hidden = !current
  $('#dial').hidden = Boolean(current)
  $('#pictures').hidden = !current?.video
  if (current) {
    $('#peer').textContent = own ? person(own) : ''
    $('#state').textContent = own?.state ?? ''
    $('#length').textContent = own?.answeredAt ? length(own.durationMs) : ''
    $('#mute').setAttribute('aria-pressed', current.muted)
    $('#mute').textContent = current.muted ? 'Muted' : 'Mute'
  }
  const done = calls.filter(over).slice(0, 10)
  $('#none').hidden = done.length > 0
  $('#earlier').replaceChildren(...done.map((call) => line(
    text('span', `${call.direction === 'incoming' ? '↙' : '↗'} ${person(call)}`),
    text('small', `${call.reason.replaceAll('_', ' ')}${call.answeredAt ? `, ${length(call.durationMs)}` : ''}`),
  )))
}

/** Reads the stream of events, of which each about a call is a reason to look. */
async function listen() {
  listening?.abort()
  listening = new AbortController()
  const { signal } = listening
  while (!signal.aborted) {
    try {
      const response = await fetch('/events/stream?type=Call', { headers: { token }, signal })
      if (!response.ok) throw new Error(`it answered ${response.status}`)
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        if (value.includes('data:')) await refresh()
      }
    } catch (error) {
      if (signal.aborted) return
    }
    await new Promise((resolve) => setTimeout(resolve, OFTEN))
  }
}

async function begin(given) {
  token = given
  const { data } = await api('GET', '/session/status')
  sessionStorage.setItem('token', token)
  $('#session').hidden = true
  $('#desk').hidden = false
  $('#glance').textContent = data.LoggedIn ? 'Linked: calls come in here' : 'This session is not linked to WhatsApp yet'
  await refresh()
  listen()
}

$('.keys').append(...'123456789*0#'.split('').map((key) => button(key, '', () => api('POST', '/call/dtmf', { CallID: current.callID, Keys: key }))))
$('#session').addEventListener('submit', (event) => {
  event.preventDefault()
  attempt(() => begin(event.target.token.value.trim()))
})
$('#dial').addEventListener('submit', async (event) => {
  event.preventDefault()
  const press = event.target.querySelector('button')
  press.disabled = true
  await attempt(() => make(event.target.phone.value, event.target.video.checked))
  press.disabled = false
})
$('#hangup').addEventListener('click', () => attempt(() => end(current.callID)))
$('#mute').addEventListener('click', () => attempt(mute))
$('#leave').addEventListener('click', () => {
  sessionStorage.removeItem('token')
  location.reload()
})
if (token) attempt(() => begin(token))
