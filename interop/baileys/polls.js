// Votes, which Baileys can open but not cast: a vote is sealed with its own primitives.
import { createHash, randomBytes } from 'node:crypto'
import { aesEncryptGCM, decryptPollVote, hmacSign, jidNormalizedUser, proto } from '@whiskeysockets/baileys'

const sha256 = (text) => createHash('sha256').update(text).digest()

/** Who wrote it, and who we are, as the chat names people: by LID or by phone number. */
function people(socket, poll) {
  const { key } = poll
  const byLid = key.addressingMode === 'lid' || key.remoteJid.endsWith('@lid')
  const own = jidNormalizedUser(byLid ? socket.user.lid : socket.user.id)
  const other = jidNormalizedUser(key.participant || key.remoteJid)
  return { own, creator: key.fromMe ? own : other }
}

/** Votes on a poll, and returns the id of the vote. */
export async function vote(socket, poll, options) {
  const { own, creator } = people(socket, poll)
  const { id } = poll.key
  const secret = poll.message.messageContextInfo.messageSecret
  const key = hmacSign(Buffer.concat([Buffer.from(id + creator + own + 'Poll Vote'), Buffer.from([1])]), hmacSign(secret, new Uint8Array(32), 'sha256'), 'sha256')
  const content = proto.Message.PollVoteMessage.encode({ selectedOptions: options.map(sha256) }).finish()
  const encIv = randomBytes(12)
  const encPayload = aesEncryptGCM(content, key, encIv, Buffer.from(`${id}\0${own}`))
  const pollCreationMessageKey = { remoteJid: poll.key.remoteJid, fromMe: poll.key.fromMe, id, participant: poll.key.participant }
  const pollUpdateMessage = { pollCreationMessageKey, vote: { encPayload, encIv }, senderTimestampMs: Date.now() }
  return socket.relayMessage(poll.key.remoteJid, { pollUpdateMessage }, {})
}

/** The options that a vote on an own poll names. */
export function choices(socket, poll, got) {
  const voter = jidNormalizedUser(got.key.participant || got.key.remoteJid)
  const own = jidNormalizedUser(voter.endsWith('@lid') ? socket.user.lid : socket.user.id)
  const { vote } = got.message.pollUpdateMessage
  const opened = decryptPollVote(vote, {
    pollCreatorJid: own,
    pollMsgId: poll.key.id,
    pollEncKey: poll.message.messageContextInfo.messageSecret,
    voterJid: voter,
  })
  const names = (poll.message.pollCreationMessageV3 ?? poll.message.pollCreationMessage).options.map((o) => o.optionName)
  return opened.selectedOptions.map((hash) => names.find((name) => sha256(name).equals(Buffer.from(hash))))
}
