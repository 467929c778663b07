//! Communities: what belongs to them, who is in them by that, and what is refused.

use super::{
    community::{self, Community, Kind, Linked},
    *,
};

fn community(state: &mut State) -> GroupId {
    let kind = Kind::Community(Community { closed: false, members_make: false });
    let (id, _) = act::create(state, number(1), New { kind, ..new("Town", &[]) }).unwrap();
    phone::answer_all(state);
    id
}

fn results(all: &[Linked]) -> Vec<u16> {
    all.iter().map(|one| one.result.err().map_or(200, |refused| refused.0)).collect()
}

fn is_in(state: &State, id: GroupId) -> Vec<Number> {
    state.groups.get(id).map(Group::numbers).unwrap_or_default()
}

fn announcements(state: &State, id: GroupId) -> GroupId {
    community::groups(state, id)[0].id
}

#[test]
fn who_is_in_one_of_its_groups_is_in_the_community() {
    let mut state = phones(5);
    let town = community(&mut state);
    let news = announcements(&state, town);
    let friends = group(&mut state, &[2, 3]);
    let linked = community::link(&mut state, number(1), town, &[friends.jid()]).unwrap();
    phone::answer_all(&mut state);
    assert_eq!(results(&linked), [200]);
    let all = [number(1), number(2), number(3)];
    assert_eq!((is_in(&state, town), is_in(&state, news)), (all.to_vec(), all.to_vec()));
    act::add(&mut state, number(1), friends, &[jid(4)]).unwrap();
    assert!(is_in(&state, town).contains(&number(4)) && is_in(&state, news).contains(&number(4)));
    // What its admins announce all hear; nobody else announces, and nothing is said in the community itself.
    phone::answer_all(&mut state);
    say(&mut state, 1, news, "hear ye");
    say(&mut state, 2, news, "me too");
    say(&mut state, 1, town, "hello?");
    assert_eq!(texts(&state, 4), ["hear ye"]);
    assert_eq!((count(&state, "message refused: 403"), count(&state, "message refused: 405")), (1, 1));

    let made = New { kind: Kind::Within(town), ..new("Choir", &[]) };
    let (choir, _) = act::create(&mut state, number(1), made).unwrap();
    assert_eq!(community::groups(&state, town).len(), 3);
    assert_eq!(community::join(&mut state, number(3), town, &choir.jid()), Ok(choir));
    assert_eq!(is_in(&state, choir), [number(1), number(3)]);
    let out = community::remove(&mut state, number(1), town, &[jid(3)]).unwrap();
    assert_eq!(codes(&out), [200]);
    for id in [town, news, friends, choir] {
        assert!(!is_in(&state, id).contains(&number(3)));
    }
    act::leave(&mut state, number(4), town).unwrap();
    assert!(!is_in(&state, friends).contains(&number(4)));

    let gone = community::unlink(&mut state, number(1), town, &[friends.jid(), news.jid(), friends.jid()]).unwrap();
    assert_eq!(results(&gone), [200, 406, 404]);
    community::dissolve(&mut state, number(1), town).unwrap();
    assert!(state.groups.get(town).is_none() && state.groups.get(news).is_none());
    assert!(state.groups.get(choir).unwrap().place.is_none());
}

#[test]
fn who_comes_into_the_community_itself_hears_its_announcements() {
    let mut state = phones(4);
    let town = community(&mut state);
    let news = announcements(&state, town);
    assert_eq!(codes(&act::add(&mut state, number(1), town, &[jid(2)]).unwrap()), [200]);
    let code = admission::invite(&mut state, number(1), town, false).unwrap();
    assert_eq!(admission::join(&mut state, number(3), &code), Ok(Joined::In(town)));
    phone::answer_all(&mut state);
    let all = [number(1), number(2), number(3)];
    assert_eq!((is_in(&state, town), is_in(&state, news)), (all.to_vec(), all.to_vec()));
    say(&mut state, 1, news, "hear ye");
    assert_eq!((texts(&state, 3), texts(&state, 4)), (vec!["hear ye".to_owned()], Vec::new()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut state = phones(4);
    let (town, other) = (community(&mut state), community(&mut state));
    let friends = group(&mut state, &[2]);
    let (theirs, _) = act::create(&mut state, number(2), new("Theirs", &[1])).unwrap();
    let link = |state: &mut State, by: u64, to: GroupId, named: &[Jid]| {
        community::link(state, number(by), to, named).map(|all| results(&all)).map_err(|refused| refused.0)
    };
    assert_eq!(link(&mut state, 1, friends, &[theirs.jid()]), Err(406), "no community");
    assert_eq!(link(&mut state, 4, town, &[friends.jid()]), Err(403), "not in it");
    let named = [friends.jid(), theirs.jid(), other.jid(), jid(1), Jid::group("120363999999999999")];
    assert_eq!(link(&mut state, 1, town, &named), Ok(vec![200, 403, 406, 404, 404]));
    assert_eq!(link(&mut state, 1, other, &[friends.jid()]), Ok(vec![409]), "it belongs to another");
    assert_eq!(link(&mut state, 2, town, &[theirs.jid()]), Err(403), "not an admin");
    let made = |kind| New { kind, ..new("New", &[]) };
    assert_eq!(act::create(&mut state, number(2), made(Kind::Within(town))).unwrap_err(), Refused(403));
    assert_eq!(act::create(&mut state, number(1), made(Kind::Within(friends))).unwrap_err(), Refused(406));
    assert_eq!(community::look(&state, number(2), town, &theirs.jid()), Err(Refused(404)));
    assert_eq!(community::join(&mut state, number(2), town, &friends.jid()), Err(Refused(409)));
    assert_eq!(community::dissolve(&mut state, number(2), town), Err(Refused(403)));
}

#[test]
fn a_community_survives_a_sudden_end() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let (journal, tables) = Journal::open(&folder.path().join("journal")).unwrap();
        State::restore(journal, &tables, 1)
    };
    let mut state = open();
    add_phones(&mut state, 2);
    let town = community(&mut state);
    let friends = group(&mut state, &[2]);
    community::link(&mut state, number(1), town, &[friends.jid()]).unwrap();
    drop(state);
    let state = open();
    assert!(state.groups.get(town).unwrap().community.is_some());
    let names: Vec<_> = community::groups(&state, town).iter().map(|group| group.subject.text.clone()).collect();
    assert_eq!(names, ["Town", "Group"]);
    assert_eq!(is_in(&state, town).len(), 2);
}
