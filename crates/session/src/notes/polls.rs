//! Votes are sealed with their poll's secret, and name options by their hashes alone.

use serde::{Deserialize, Serialize};
use wacore::{
    poll::{PollVoteCiphertext, compute_option_hash, decrypt_poll_vote_with_secret},
    proto_helpers::MessageExt as _,
    store::error::Result,
    types::message::MessageInfo,
};
use wacore_binary::Jid;
use wago_contract::event::Vote;
use waproto::whatsapp::{self as wa, message::PollCreationMessage};

use crate::{adapter::names::Around, backend::Backend, record::Record};

/// More than WhatsApp lets a poll have. One that has more is not kept.
const OPTIONS_MAX: usize = 100;

/// It opens votes, so it does not print.
#[derive(Serialize, Deserialize)]
pub(crate) struct Poll {
    options: Vec<String>,
    secret: Vec<u8>,
    /// The addresses of who made it.
    creators: Vec<String>,
}

pub(super) async fn of_message(
    backend: &Backend,
    content: &wa::Message,
    info: &MessageInfo,
    around: Around<'_>,
    record: Record,
) -> Result<Record> {
    let base = content.get_base_message();
    if let Some(asked) = asked(base) {
        let secret = [content, base].into_iter().find_map(|message| {
            let context = message.message_context_info.as_option()?;
            context.message_secret.clone()
        });
        if let Some(secret) = secret
            && asked.options.len() <= OPTIONS_MAX
        {
            let options = asked.options.iter().filter_map(|option| option.option_name.clone()).collect();
            let poll = Poll { options, secret, creators: addresses(info, around) };
            backend.put_poll(record.chat(), &info.id, &poll, info.timestamp.timestamp()).await?;
        }
        return Ok(record);
    }
    let Some((id, sealed)) = vote(base) else { return Ok(record) };
    let Some(poll) = backend.poll(record.chat(), id).await? else { return Ok(record) };
    Ok(match opened(&poll, id, sealed, &addresses(info, around)) {
        Some(vote) => record.with_vote(vote),
        None => record,
    })
}

fn asked(message: &wa::Message) -> Option<&PollCreationMessage> {
    let polls = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
        &message.poll_creation_message_v6,
    ];
    polls.into_iter().find_map(|poll| poll.as_option())
}

fn vote(message: &wa::Message) -> Option<(&str, PollVoteCiphertext<'_>)> {
    let update = message.poll_update_message.as_option()?;
    let vote = update.vote.as_option()?;
    let id = update.poll_creation_message_key.as_option()?.id.as_deref()?;
    Some((id, PollVoteCiphertext { enc_payload: vote.enc_payload.as_deref()?, enc_iv: vote.enc_iv.as_deref()? }))
}

/// Under which of them a vote was sealed, it does not say.
fn addresses(info: &MessageInfo, around: Around) -> Vec<String> {
    let from = &info.source;
    let other = from.sender_alt.clone().or_else(|| around.names.other(&from.sender));
    [Some(from.sender.clone()), other].into_iter().flatten().map(|jid: Jid| jid.to_non_ad_string()).collect()
}

fn opened(poll: &Poll, id: &str, sealed: PollVoteCiphertext<'_>, voters: &[String]) -> Option<Vote> {
    let pairs = poll.creators.iter().flat_map(|creator| voters.iter().map(move |voter| (creator, voter)));
    let hashes = pairs
        .into_iter()
        .find_map(|(creator, voter)| decrypt_poll_vote_with_secret(sealed, &poll.secret, id, creator, voter).ok())?;
    let hex = |hash: &Vec<u8>| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let chosen = |option: &&String| hashes.iter().any(|hash| *hash == compute_option_hash(option));
    Some(Vote {
        decrypt_vote: hashes.iter().map(hex).collect::<Vec<_>>().join(","),
        vote_options: poll.options.iter().filter(chosen).cloned().collect(),
    })
}
