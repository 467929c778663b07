// Groups and communities, made, run and joined: between Baileys, a WaGo session and their phones.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

const photo = readFileSync(new URL('files/photo.jpg', import.meta.url))
const NOBODY = '4915299999999'
const NO_GROUP = '120363999999999999@g.us'
const DAY = 86_400
const LINK = 'https://chat.whatsapp.com/'

const jid = (number) => `${number}@s.whatsapp.net`

/** The client is `own`, the session `other`, and `phone` is a third person's. */
export async function groups(step, client, gateway, phone, own, other) {
  const { socket } = client
  const reported = client.reports('groups.upsert', 'groups.update', 'group-participants.update', 'group.join-request', 'contacts.update')
  const heard = (what, name, fits) => client.until(what, () => reported[name].find(fits))
  const told = async (what, type, fits) => (await gateway.until(what, () => gateway.events.find((e) => e.type === type && fits(e.event)))).event
  const changed = (what, group, fits) => told(what, 'GroupInfo', (e) => e.JID === group && fits(e))
  const call = (path, body) => gateway.call('POST', path, body)
  /** Members by number, each with the role, whoever tells of them. */
  const roles = (people) => Object.fromEntries(people.map((p) => [p.phoneNumber ?? p.PhoneNumber, p.admin ?? (p.IsSuperAdmin ? 'superadmin' : p.IsAdmin ? 'admin' : null)]))
  const refuses = (code, asked) => assert.rejects(asked, (error) => error.data === code || error.output?.statusCode === code)
  const has = (people, number) => people.some((p) => p.phoneNumber === jid(number))

  let group
  await step('it makes a group, and the session is told', async () => {
    const made = await socket.groupCreate('Witnesses', [jid(other)])
    group = made.id
    assert.deepEqual(roles(made.participants), { [jid(own)]: 'superadmin', [jid(other)]: null })
    const joined = await told('the group', 'JoinedGroup', (e) => e.JID === group)
    assert.deepEqual([joined.Name, joined.OwnerPN], ['Witnesses', jid(own)])
    const info = await call('/group/info', { GroupJID: group })
    assert.deepEqual(roles(info.Participants), roles(made.participants))
  })

  await step('it adds, promotes, demotes and removes, and each is told of', async () => {
    const update = async (numbers, action) => (await socket.groupParticipantsUpdate(group, numbers.map(jid), action)).map((p) => p.status)
    assert.deepEqual(await update([phone.number, NOBODY], 'add'), ['200', '404'])
    const joined = await changed('the phone', group, (e) => e.Join.length)
    assert.deepEqual(joined.Participants.map((p) => p.PhoneNumber), [jid(phone.number)])
    assert.deepEqual(await update([other], 'promote'), ['200'])
    await changed('the promotion', group, (e) => e.Promote.length)
    assert.equal(roles((await socket.groupMetadata(group)).participants)[jid(other)], 'admin')
    assert.deepEqual(await update([phone.number], 'remove'), ['200'])
    const gone = await changed('the end', group, (e) => e.Leave.length)
    assert.deepEqual(gone.Participants.map((p) => p.PhoneNumber), [jid(phone.number)])
  })

  await step('it hears whom the session adds, promotes, demotes and removes', async () => {
    const { number } = phone
    for (const [action, code] of [['add', 200], ['promote', 200], ['demote', 200], ['remove', 200]]) {
      const before = reported['group-participants.update'].length
      const { Participants } = await call('/group/update', { GroupJID: group, Participants: [number], Action: action })
      assert.deepEqual(Participants.map((p) => p.Code), [code])
      await client.until(action, () => reported['group-participants.update'].slice(before).find((u) => u.id === group && u.action === action && has(u.participants, number)))
    }
  })

  await step('names and descriptions are told both ways', async () => {
    await socket.groupUpdateSubject(group, 'Named by Baileys')
    assert.equal((await changed('the name', group, (e) => e.Name)).Name.Name, 'Named by Baileys')
    await socket.groupUpdateDescription(group, 'Said by Baileys')
    assert.equal((await changed('the topic', group, (e) => e.Topic)).Topic.Topic, 'Said by Baileys')
    await call('/group/name', { GroupJID: group, Name: 'Named by WaGo' })
    await heard('the name', 'groups.update', (u) => u.id === group && u.subject === 'Named by WaGo')
    await call('/group/topic', { GroupJID: group, Topic: 'Said by WaGo' })
    await heard('the topic', 'groups.update', (u) => u.id === group && u.desc === 'Said by WaGo')
    const seen = await socket.groupMetadata(group)
    assert.deepEqual([seen.subject, seen.desc, seen.descOwnerPn], ['Named by WaGo', 'Said by WaGo', jid(other)])
    await socket.groupUpdateDescription(group)
    await changed('no topic', group, (e) => e.Topic?.TopicDeleted)
    assert.equal((await call('/group/info', { GroupJID: group })).Topic, '')
  })

  await step('it sets what the group is set to, and the session is told', async () => {
    await socket.groupSettingUpdate(group, 'announcement')
    await changed('announcements', group, (e) => e.Announce?.IsAnnounce)
    await socket.groupSettingUpdate(group, 'locked')
    await changed('the lock', group, (e) => e.Locked?.IsLocked)
    await socket.groupToggleEphemeral(group, DAY)
    await changed('the timer', group, (e) => e.Ephemeral?.DisappearingTimer === DAY)
    await socket.groupMemberAddMode(group, 'admin_add')
    await socket.groupJoinApprovalMode(group, 'on')
    await changed('approval', group, (e) => e.MembershipApprovalMode?.IsJoinApprovalRequired)
    const info = await call('/group/info', { GroupJID: group })
    assert.deepEqual(
      [info.IsAnnounce, info.IsLocked, info.DisappearingTimer, info.MemberAddMode, info.IsJoinApprovalRequired],
      [true, true, DAY, 'admin_add', true],
    )
  })

  await step('it hears what the session sets', async () => {
    for (const [path, body, said] of [
      ['/group/announce', { Announce: false }, { announce: false }],
      ['/group/locked', { Locked: false }, { restrict: false }],
      ['/group/memberaddmode', { Mode: 'all_member_add' }, { memberAddMode: true }],
      ['/group/joinapprovalmode', { Mode: false }, { joinApprovalMode: false }],
    ]) {
      await call(path, { GroupJID: group, ...body })
      const [[name, value]] = Object.entries(said)
      await heard(path, 'groups.update', (u) => u.id === group && u[name] === value)
    }
    await call('/group/ephemeral', { GroupJID: group, Duration: 'off' })
    const seen = await socket.groupMetadata(group)
    assert.deepEqual(
      [seen.announce, seen.restrict, seen.memberAddMode, seen.joinApprovalMode, seen.ephemeralDuration],
      [false, false, true, false, undefined],
    )
  })

  await step("the group's picture is told both ways", async () => {
    await socket.updateProfilePicture(group, photo)
    await told('the picture', 'Picture', (e) => e.JID === group && !e.Remove)
    await call('/group/photo/remove', { GroupJID: group })
    await heard('its end', 'contacts.update', (c) => c.id === group && c.imgUrl === 'removed')
    const seen = reported['contacts.update'].length
    await call('/group/photo', { GroupJID: group, Image: `data:image/jpeg;base64,${photo.toString('base64')}` })
    await client.until('the picture', () => reported['contacts.update'].slice(seen).find((c) => c.id === group && c.imgUrl === 'changed'))
    assert.match(await socket.profilePictureUrl(group, 'image'), /^https?:/)
  })

  await step('the session leaves, and is let in again by its link', async () => {
    const code = await socket.groupInviteCode(group)
    await call('/group/leave', { GroupJID: group })
    await heard('it to leave', 'group-participants.update', (u) => u.id === group && u.action === 'remove' && has(u.participants, other))
    await socket.groupJoinApprovalMode(group, 'on')
    assert.equal((await call('/group/inviteinfo', { Code: LINK + code })).JID, group)
    assert.deepEqual(await call('/group/join', { Code: code }).then((j) => [j.JID, j.Pending]), [group, true])
    await heard('it to ask', 'group.join-request', (u) => u.id === group && u.participantPn === jid(other) && u.action === 'created')
    const [request] = await socket.groupRequestParticipantsList(group)
    assert.equal(request.phone_number, jid(other))
    const [{ status }] = await socket.groupRequestParticipantsUpdate(group, [request.jid], 'approve')
    assert.equal(status, '200')
    await client.until('it to be in', async () => roles((await socket.groupMetadata(group)).participants)[jid(other)] === null)
    assert.notEqual(await socket.groupRevokeInvite(group), code)
    await assert.rejects(call('/group/inviteinfo', { Code: code }), /502.*410/)
  })

  await step('it leaves, and comes in by a link of the session', async () => {
    const made = await call('/group/create', { Name: 'Sessions', Participants: [own] })
    const seen = await heard('the group', 'groups.upsert', (g) => g.id === made.JID)
    assert.deepEqual([seen.subject, seen.ownerPn], ['Sessions', jid(other)])
    const { InviteLink } = await call('/group/invitelink', { GroupJID: made.JID })
    await socket.groupLeave(made.JID)
    await changed('it to leave', made.JID, (e) => e.Leave.length)
    const code = InviteLink.slice(LINK.length)
    const about = await socket.groupGetInviteInfo(code)
    assert.deepEqual([about.id, about.subject], [made.JID, 'Sessions'])
    assert.equal(await socket.groupAcceptInvite(code), made.JID)
    const joined = await changed('it to come', made.JID, (e) => e.Join.length)
    assert.deepEqual(joined.Participants.map((p) => p.PhoneNumber), [jid(own)])
    assert.ok((await socket.groupFetchAllParticipating())[made.JID])
    // It is no admin there.
    await refuses(403, socket.groupSettingUpdate(made.JID, 'announcement'))
    await refuses(403, socket.groupParticipantsUpdate(made.JID, [jid(other)], 'demote'))
    await refuses(404, socket.groupMetadata(NO_GROUP))
    await refuses(406, socket.groupGetInviteInfo('AAAAAAAAAAAAAAAAAAAAAA'))
  })

  let town
  await step('it makes a community, and its groups are the same to both', async () => {
    const made = await socket.communityCreate('Town', 'All of us')
    town = made.id
    assert.deepEqual([made.subject, made.desc, made.isCommunity], ['Town', 'All of us', true])
    await socket.communityLinkGroup(group, town)
    const { Link } = await changed('the link', group, (e) => e.Link)
    assert.deepEqual([Link.Type, Link.Group.JID, Link.Group.Name], ['parent_group', town, 'Town'])
    await told('the community', 'JoinedGroup', (e) => e.JID === town && e.IsParent)
    const choir = await socket.communityCreateGroup('Choir', [jid(other)], town)
    await told('its new group', 'JoinedGroup', (e) => e.JID === choir.id && e.LinkedParentJID === town)
    const { communityJid, isCommunity, linkedGroups } = await socket.communityFetchLinkedGroups(town)
    assert.deepEqual([communityJid, isCommunity], [town, true])
    const { SubGroups } = await call('/community/subgroups', { CommunityJID: town })
    assert.deepEqual(SubGroups.map((g) => [g.JID, g.Name]), linkedGroups.map((g) => [g.id, g.subject]))
    for (const id of [group, choir.id]) assert.ok(linkedGroups.some((g) => g.id === id), id)
    await assert.rejects(call('/community/remove', { CommunityJID: town, GroupJID: [group] }), /502.*403/)
  })

  await step('its announcements come to the session, and groups go their own way again', async () => {
    const { SubGroups } = await call('/community/subgroups', { CommunityJID: town })
    const news = SubGroups.find((g) => g.IsDefaultSubGroup).JID
    assert.ok((await socket.groupMetadata(news)).isCommunityAnnounce)
    await socket.sendMessage(news, { text: 'hear ye' })
    assert.equal((await gateway.received('the announcement', 'hear ye')).event.Info.Chat, news)
    await socket.communityUnlinkGroup(group, town)
    const { Unlink } = await changed('the end of it', group, (e) => e.Unlink)
    assert.equal(Unlink.Group.JID, town)
    assert.equal((await socket.groupMetadata(group)).linkedParent, undefined)
    const [{ status }] = await socket.communityParticipantsUpdate(town, [jid(other)], 'remove')
    assert.equal(status, '200')
    await assert.rejects(call('/community/info', { CommunityJID: town }), /403/)
  })

  await step('it is in a community that the session makes', async () => {
    const { JID: city } = await call('/community/create', { Name: 'City', Description: 'Of many' })
    const { JID: club } = await call('/group/create', { Name: 'Club', Participants: [own] })
    const { Groups } = await call('/community/add', { CommunityJID: city, GroupJID: [club, NO_GROUP] })
    assert.deepEqual(Groups.map((g) => [g.JID, g.Code]), [[club, 200], [NO_GROUP, 404]])
    const seen = await heard('the community', 'groups.upsert', (g) => g.id === city)
    assert.deepEqual([seen.subject, seen.desc, seen.isCommunity], ['City', 'Of many', true])
    assert.equal((await socket.groupMetadata(club)).linkedParent, city)
    const { linkedGroups } = await socket.communityFetchLinkedGroups(club)
    assert.ok(linkedGroups.some((g) => g.id === club && g.subject === 'Club'))
    await refuses(403, socket.communityUnlinkGroup(club, city))
    await call('/community/remove', { CommunityJID: city, GroupJID: [club] })
    assert.equal((await socket.groupMetadata(club)).linkedParent, undefined)
  })
}
