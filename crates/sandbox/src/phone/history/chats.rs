//! A phone's chats as a history has them: the newest message first.

use std::collections::{BTreeMap, BTreeSet};

use buffa::{Message as _, MessageField};
use wacore_binary::Jid;
use wago_contract::phone::{Kind, State as Sent};
use waproto::whatsapp::{
    self as wa, conversation::EndOfHistoryTransferType as End, group_participant::Rank, web_message_info,
};

use super::name_of;
use crate::{
    account::Number,
    group::Role,
    phone::{Handset, chat::Chat, messages::Entry, outbound},
    state::State,
};

pub(super) struct Chats<'a> {
    state: &'a State,
    own: Number,
    /// The newest message first.
    of: BTreeMap<Chat, Vec<&'a Entry>>,
}

impl<'a> Chats<'a> {
    pub fn of(phone: &'a Handset, state: &'a State) -> Self {
        let mut of: BTreeMap<Chat, Vec<&Entry>> = BTreeMap::new();
        for entry in phone.messages.newest_first() {
            // What is about another message is told with that one. A status is no chat.
            if matches!(entry.message.kind, Kind::Reaction | Kind::Vote) {
                continue;
            }
            let chat = entry.message.chat.parse().ok().and_then(|jid: Jid| Chat::of(state, &jid));
            if let Some(chat) = chat.filter(|chat| *chat != Chat::Status) {
                of.entry(chat).or_default().push(entry);
            }
        }
        Self { state, own: phone.number, of }
    }

    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Every chat with so many of its messages.
    pub fn newest(&self, of_each: usize) -> Vec<wa::Conversation> {
        let part = |(chat, entries): (&Chat, &Vec<&Entry>)| {
            let shown = &entries[..entries.len().min(of_each)];
            self.conversation(*chat, shown, end(entries.len() > of_each))
        };
        self.of.iter().map(part).collect()
    }

    /// What [`Chats::newest`] leaves, in chunks of at most so many messages.
    pub fn older(&self, of_each: usize, chunk: usize) -> Vec<Vec<wa::Conversation>> {
        let (mut chunks, mut left) = (Vec::new(), 0);
        for (chat, entries) in &self.of {
            let mut rest = entries.get(of_each..).unwrap_or_default();
            while !rest.is_empty() {
                if left == 0 {
                    chunks.push(Vec::new());
                    left = chunk;
                }
                let (part, more) = rest.split_at(rest.len().min(left));
                left -= part.len();
                rest = more;
                if let Some(last) = chunks.last_mut() {
                    last.push(self.conversation(*chat, part, end(!rest.is_empty())));
                }
            }
        }
        chunks
    }

    /// At most so many messages that are older than the one that is named, or than a time if that is not here.
    pub fn before(&self, chat: &str, id: &str, at_ms: i64, count: usize) -> Option<wa::Conversation> {
        let chat = Chat::of(self.state, &chat.parse().ok()?)?;
        let entries = self.of.get(&chat)?;
        let from = match entries.iter().position(|entry| entry.message.id == id) {
            Some(at) => at + 1,
            None => {
                let older = |entry: &&Entry| i64::try_from(entry.message.timestamp).is_ok_and(|t| t * 1_000 < at_ms);
                entries.iter().position(older).unwrap_or(entries.len())
            }
        };
        let rest = &entries[from..];
        let more = rest.len() > count;
        let end = if more { End::COMPLETE_ON_DEMAND_SYNC_BUT_MORE_MSG_REMAIN_ON_PRIMARY } else { end(false) };
        Some(self.conversation(chat, &rest[..rest.len().min(count)], end))
    }

    /// Whom the chats are with, and who wrote in them.
    fn people(&self) -> BTreeSet<Number> {
        let account = |jid: &str| {
            let jid: Jid = jid.parse().ok()?;
            self.state.account_of(&jid).map(|account| account.number)
        };
        let writers = self.of.values().flatten().filter_map(|entry| account(&entry.message.from));
        let others =
            self.of.keys().filter_map(|chat| if let Chat::Person(number) = chat { Some(*number) } else { None });
        let mut people: BTreeSet<Number> = writers.chain(others).collect();
        people.remove(&self.own);
        people
    }

    pub fn addresses(&self) -> Vec<wa::PhoneNumberToLIDMapping> {
        let accounts = self.people().into_iter().filter_map(|number| self.state.accounts.get(&number));
        let both = accounts.map(|account| wa::PhoneNumberToLIDMapping {
            pn_jid: Some(account.jid().to_string()),
            lid_jid: Some(account.lid_jid().to_string()),
        });
        both.collect()
    }

    pub fn names(&self) -> Vec<wa::Pushname> {
        let name = |number| wa::Pushname { id: Some(outbound::person(number)), pushname: name_of(self.state, number) };
        self.people().into_iter().map(name).collect()
    }

    fn conversation(&self, chat: Chat, entries: &[&Entry], end: End) -> wa::Conversation {
        let newest = entries.first().map(|entry| entry.message.timestamp);
        let all = self.of.get(&chat).map(Vec::as_slice).unwrap_or_default();
        let unread = all.iter().filter(|entry| entry.unread).count();
        let mut conversation = wa::Conversation {
            id: chat.name(),
            messages: entries.iter().map(|entry| self.message(chat, entry)).collect(),
            last_msg_timestamp: newest,
            conversation_timestamp: newest,
            unread_count: u32::try_from(unread).ok(),
            end_of_history_transfer: Some(true),
            end_of_history_transfer_type: Some(end),
            not_spam: Some(true),
            ..Default::default()
        };
        match chat {
            Chat::Person(number) => {
                conversation.lid_jid = self.state.accounts.get(&number).map(|account| account.lid_jid().to_string());
                conversation.pn_jid = Some(outbound::person(number));
            }
            Chat::Group(id) => {
                let Some(group) = self.state.groups.get(id) else { return conversation };
                conversation.name = Some(group.subject.text.clone());
                conversation.created_at = Some(group.created);
                conversation.ephemeral_expiration = Some(group.ephemeral).filter(|seconds| *seconds > 0);
                conversation.participant = group
                    .members
                    .iter()
                    .map(|(number, member)| wa::GroupParticipant {
                        user_jid: outbound::in_terms_of(self.state, chat, *number),
                        rank: Some(match member.role {
                            Role::Member => Rank::REGULAR,
                            Role::Admin => Rank::ADMIN,
                            Role::SuperAdmin => Rank::SUPERADMIN,
                        }),
                        ..Default::default()
                    })
                    .collect();
            }
            Chat::Status => {}
        }
        conversation
    }

    fn message(&self, chat: Chat, entry: &Entry) -> wa::HistorySyncMsg {
        let message = &entry.message;
        let key = |id: Option<&str>, from: &str, from_me: bool| wa::MessageKey {
            remote_jid: Some(chat.name()),
            from_me: Some(from_me),
            id: id.map(str::to_owned),
            participant: (chat.is_of_many() && !from_me).then(|| outbound::author_in(self.state, chat, from)),
        };
        let own = outbound::person(self.own);
        let author: Option<Number> = message.from.parse().ok().and_then(|jid: Jid| {
            let account = self.state.account_of(&jid)?;
            Some(account.number)
        });
        let reactions = message.reactions.iter().map(|(who, emoji)| wa::Reaction {
            key: MessageField::some(key(None, who, *who == own)),
            text: Some(emoji.clone()),
            ..Default::default()
        });
        let mut told = wa::WebMessageInfo {
            key: MessageField::some(key(Some(&message.id), &message.from, message.from_me)),
            message_timestamp: Some(message.timestamp),
            status: Some(status(message.state)),
            reactions: reactions.collect(),
            ..Default::default()
        };
        if !message.from_me {
            told.push_name = author.and_then(|number| name_of(self.state, number));
        }
        if chat.is_of_many() && !message.from_me {
            told.participant = Some(outbound::author_in(self.state, chat, &message.from));
        }
        if message.kind == Kind::Deleted {
            told.message_stub_type = Some(web_message_info::StubType::REVOKE);
        } else if let Ok(content) = wa::Message::decode_from_slice(&entry.raw) {
            told.message = MessageField::some(content);
        }
        wa::HistorySyncMsg { message: MessageField::some(told), msg_order_id: Some(message.cursor) }
    }
}

fn end(more: bool) -> End {
    match more {
        true => End::COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY,
        false => End::COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    }
}

fn status(state: Sent) -> web_message_info::Status {
    use web_message_info::Status;
    match state {
        Sent::Pending => Status::PENDING,
        Sent::Refused => Status::ERROR,
        Sent::Sent => Status::SERVER_ACK,
        Sent::Delivered | Sent::Received => Status::DELIVERY_ACK,
        Sent::Read => Status::READ,
    }
}
