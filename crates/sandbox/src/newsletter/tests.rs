use serde_json::Value;
use wacore_binary::Node;

use super::{
    act::{New, Refused, Update},
    *,
};
use crate::{
    journal::Journal,
    link::{self, Link},
    phone,
    stanza::{
        self,
        read::{Read as _, node},
    },
};

fn number(n: u64) -> Number {
    Number::parse(&(15_550_000_000 + n).to_string()).unwrap()
}

fn device(n: u64) -> DeviceId {
    DeviceId { number: number(n), device: 1 }
}

/// A network with so many people, each with a linked device that is there.
fn people(count: u64) -> (State, Vec<Link>) {
    let mut state = State::restore(Journal::in_memory(), &Tables::new(), 1);
    let mut links = Vec::new();
    for n in 1..=count {
        phone::create(&mut state, &number(n).to_string(), &format!("Phone {n}")).unwrap();
        let like = state.devices[&DeviceId::phone(number(n))].clone();
        state.add_device(device(n), like);
        let (mut outlet, link) = link::open(n);
        outlet.active = true;
        state.outlets.insert(device(n), outlet);
        links.push(link);
    }
    phone::answer_all(&mut state);
    (state, links)
}

fn heard(link: &mut Link) -> Vec<Node> {
    std::iter::from_fn(|| link.stanzas.try_recv().ok()).collect()
}

fn say(state: &mut State, by: u64, id: NewsletterId, own: &str, text: &str) -> Result<u64, Refused> {
    let new = New { id: own.into(), kind: "text".into(), media: None, file: None, body: text.as_bytes().to_vec() };
    act::post(state, device(by), id, new)
}

#[test]
fn followers_hear_what_its_owner_posts() {
    let (mut state, mut links) = people(3);
    let id = act::create(&mut state, number(1), " News ", "All of it").unwrap();
    act::follow(&mut state, device(2), id).unwrap();
    act::follow(&mut state, device(2), id).unwrap();
    assert_eq!(say(&mut state, 1, id, "A", "hear ye"), Ok(100));
    assert_eq!(say(&mut state, 1, id, "A", "hear ye"), Ok(100), "said twice");
    assert_eq!(say(&mut state, 2, id, "B", "me too"), Err(Refused(403)));
    assert_eq!(act::change(&mut state, device(1), id, "A", Some(b"hear!".to_vec())), Ok(100));
    assert_eq!(act::change(&mut state, device(1), id, "B", None), Err(Refused(404)));
    let told = heard(&mut links[1]);
    let told: Vec<_> = told.iter().filter(|stanza| stanza.tag == "message").collect();
    let brief = |stanza: &Node| {
        (stanza.text("server_id").unwrap(), stanza.text("edit"), stanza.child("plaintext").unwrap().content())
    };
    let expected = [("100".into(), None, b"hear ye".to_vec()), ("100".into(), Some("3".into()), b"hear!".to_vec())];
    assert_eq!(told.into_iter().map(brief).collect::<Vec<_>>(), expected);
    assert!(heard(&mut links[2]).is_empty());
    act::unfollow(&mut state, device(2), id).unwrap();
    act::change(&mut state, device(1), id, "A", None).unwrap();
    assert!(heard(&mut links[1]).is_empty());
    let post = &state.newsletters.get(id).unwrap().posts[&100];
    assert!(post.edited && post.revoked && post.body.is_empty());
}

#[test]
fn the_file_of_a_post_is_on_the_media_host() {
    let (mut state, _) = people(1);
    let id = act::create(&mut state, number(1), "News", "").unwrap();
    let image = |file: Option<String>| New {
        id: "A".into(),
        kind: "media".into(),
        media: Some("image".into()),
        file,
        body: b"image".to_vec(),
    };
    let mut incoming = state.media.begin().unwrap();
    incoming.write(b"a file").unwrap();
    let handle = state.media.finish(incoming, None).unwrap().to_string();
    for file in [None, Some("nothing".to_owned()), Some(handle.replace(&handle[..1], "_"))] {
        assert_eq!(act::post(&mut state, device(1), id, image(file)), Err(Refused(400)));
    }
    assert_eq!(act::post(&mut state, device(1), id, image(Some(handle))), Ok(100));
}

#[test]
fn reactions_are_counted_and_told_to_who_watches() {
    let (mut state, mut links) = people(3);
    let id = act::create(&mut state, number(1), "News", "").unwrap();
    for n in [2, 3] {
        act::follow(&mut state, device(n), id).unwrap();
    }
    let post = say(&mut state, 1, id, "A", "hear ye").unwrap();
    assert_eq!(act::watch(&mut state, device(1), id), Ok(act::LIVE));
    heard(&mut links[0]);
    for (by, reaction) in [(2, "a"), (3, "a"), (3, "b")] {
        act::react(&mut state, number(by), id, post, reaction).unwrap();
    }
    assert_eq!(state.newsletters.get(id).unwrap().posts[&post].counts(), [("a", 1), ("b", 1)].into());
    act::react(&mut state, number(2), id, post, "").unwrap();
    act::view(&mut state, number(2), id, &[post, post, 7]).unwrap();
    let known = &state.newsletters.get(id).unwrap().posts[&post];
    assert_eq!((known.counts(), known.views.len()), ([("b", 1)].into(), 1));
    let told = heard(&mut links[0]);
    let last = told.last().unwrap().child("live_updates").unwrap().child("messages").unwrap().child("message").unwrap();
    let reaction = last.child("reactions").unwrap().child("reaction").unwrap();
    assert_eq!(
        (told.len(), reaction.text("code").as_deref(), reaction.text("count").as_deref()),
        (4, Some("b"), Some("1"))
    );
    assert_eq!(act::react(&mut state, number(2), id, 7, "a"), Err(Refused(404)));
    act::unfollow(&mut state, device(2), id).unwrap();
    assert_eq!(act::react(&mut state, number(2), id, post, "a"), Err(Refused(403)));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (mut state, _) = people(2);
    assert_eq!(act::create(&mut state, number(1), " ", ""), Err(Refused(406)));
    assert_eq!(act::create(&mut state, number(1), &"x".repeat(101), ""), Err(Refused(406)));
    let id = act::create(&mut state, number(1), "News", "").unwrap();
    assert_eq!(act::follow(&mut state, device(1), id), Err(Refused(405)), "an owner follows already");
    assert_eq!(act::unfollow(&mut state, device(1), id), Err(Refused(405)));
    assert_eq!(act::mute(&mut state, device(2), id, true), Err(Refused(403)));
    let update = |name: &str| Update { name: Some(name.into()), ..Update::default() };
    assert_eq!(act::update(&mut state, number(2), id, update("Mine")), Err(Refused(403)));
    let picture = Update { picture: Some(b"no picture".to_vec()), ..Update::default() };
    assert_eq!(act::update(&mut state, number(1), id, picture), Err(Refused(406)));
    assert_eq!(act::delete(&mut state, number(2), id), Err(Refused(403)));
    act::delete(&mut state, number(1), id).unwrap();
    assert_eq!(act::follow(&mut state, device(2), id), Err(Refused(404)));
}

#[test]
fn a_newsletter_survives_a_sudden_end() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let (journal, tables) = Journal::open(&folder.path().join("journal")).unwrap();
        State::restore(journal, &tables, 1)
    };
    let mut state = open();
    for n in [1, 2] {
        phone::create(&mut state, &number(n).to_string(), "x").unwrap();
    }
    let id = act::create(&mut state, number(1), "News", "").unwrap();
    act::follow(&mut state, DeviceId::phone(number(2)), id).unwrap();
    for at in 0..POSTS_MAX + 2 {
        say(&mut state, 1, id, &at.to_string(), "hear ye").unwrap();
    }
    drop(state);
    let mut state = open();
    let newsletter = state.newsletters.get(id).unwrap();
    assert_eq!((newsletter.posts.len(), newsletter.posts.keys().next()), (POSTS_MAX, Some(&102)));
    assert!(newsletter.followers.contains_key(&number(2)));
    state.drop_newsletter(id);
    drop(state);
    assert_eq!(open().newsletters.all().len(), 0);
}

/// What a device is answered to a GraphQL question.
fn mex(state: &mut State, link: &mut Link, by: u64, document: &'static str, variables: &Value) -> Value {
    let query = node("query").attr("query_id", document);
    let query = query.bytes(serde_json::json!({"variables": variables}).to_string().into_bytes()).build();
    let iq = node("iq").attr("id", "7").attr("xmlns", "w:mex").attr("type", "get").children([query]).build();
    stanza::receive(state, device(by), iq);
    let told = heard(link);
    let answer = told.iter().find(|stanza| stanza.tag == "iq").expect("an answer");
    match answer.child("result") {
        Some(result) => serde_json::from_slice(&result.content()).unwrap(),
        None => Value::from(answer.child("error").unwrap().text("code").unwrap()),
    }
}

#[test]
fn questions_go_by_the_numbers_of_documents() {
    use wacore::iq::mex_operations as known;
    let (mut state, mut links) = people(2);
    let (mut first, mut second) = (links.remove(0), links.remove(0));
    let input = serde_json::json!({"input": {"name": "News", "description": "All of it"}});
    let made = mex(&mut state, &mut first, 1, known::create_newsletter::DOC_ID, &input);
    let made = &made["data"]["xwa2_newsletter_create"];
    assert_eq!(
        (&made["thread_metadata"]["name"]["text"], &made["viewer_metadata"]["role"]),
        (&"News".into(), &"OWNER".into())
    );
    let key = serde_json::json!({"input": {"key": made["thread_metadata"]["invite"], "type": "INVITE"}});
    let seen = mex(&mut state, &mut second, 2, known::fetch_newsletter::DOC_ID, &key);
    assert_eq!(
        (&seen["data"]["xwa2_newsletter"]["id"], &seen["data"]["xwa2_newsletter"]["viewer_metadata"]["role"]),
        (&made["id"], &"GUEST".into())
    );
    let named = serde_json::json!({"newsletter_id": made["id"]});
    let joined = mex(&mut state, &mut second, 2, known::join_newsletter::DOC_ID, &named);
    assert_eq!(joined["data"]["xwa2_newsletter_join_v2"]["viewer_metadata"]["role"], "SUBSCRIBER");
    let list = mex(&mut state, &mut second, 2, known::fetch_all_newsletters_metadata::DOC_ID, &Value::Null);
    assert_eq!(list["data"]["xwa2_newsletter_subscribed"].as_array().unwrap().len(), 1);
    let mute =
        serde_json::json!({"input": {"newsletter_id": made["id"], "type": "MUTE_FOLLOWER_ACTIVITY", "value": "ON"}});
    let muted = mex(&mut state, &mut second, 2, known::update_newsletter_user_setting::DOC_ID, &mute);
    assert_eq!(muted["data"]["xwa2_newsletter_update_user_setting"]["viewer_metadata"]["mute"], "ON");
    let gone = mex(&mut state, &mut second, 2, known::delete_newsletter::DOC_ID, &named);
    assert_eq!(gone["errors"][0]["extensions"]["error_code"], 403);
    let gone = mex(&mut state, &mut first, 1, known::delete_newsletter::DOC_ID, &named);
    assert_eq!(gone["data"]["xwa2_newsletter_delete_v2"]["state"]["type"], "DELETED");
    let unknown = mex(&mut state, &mut first, 1, known::leave_newsletter::DOC_ID, &named);
    assert_eq!(unknown["errors"][0]["extensions"]["error_code"], 404);
    assert_eq!(mex(&mut state, &mut first, 1, "1", &Value::Null), "400");
}
