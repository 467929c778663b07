//! Whatever happens on a phone and on its two linked sessions, in whatever order: in the end all three show the same.

mod act;
mod draw;
mod view;

use std::{collections::VecDeque, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{PATIENCE, api::Session, hook::Inbox, phones::ALICE, world::World};
use act::Scene;
use draw::{Draw, Who};

const STORED: &[(&str, &str)] = &[("storemessage", "true")];
const OPERATIONS: usize = 500;
/// Operations between two comparisons.
const CHECK_EVERY: usize = 25;
/// What is drawn, unless the environment has another in `WAGO_TEST_SEED`.
const SEED: u64 = 1;
/// Operations that a failure shows.
const SHOWN: usize = 60;
/// While the views differ they are compared so often.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The session's name, itself, and what came to its webhook.
struct Linked {
    name: &'static str,
    session: Session,
    inbox: Inbox,
    connected: bool,
}

impl Linked {
    async fn connect(&mut self) {
        let seen = self.inbox.count();
        self.session.connect().await.data();
        self.inbox.next_of(seen, "Connected").await;
        self.connected = true;
    }

    async fn disconnect(&mut self) {
        self.session.post("/session/disconnect", json!({})).await.data();
        self.connected = false;
    }
}

struct Run {
    world: World,
    scene: Scene,
    sessions: [Linked; 2],
    seed: u64,
    /// The newest operations, and what became of them.
    done: VecDeque<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_and_its_sessions_agree() {
    let seed = std::env::var("WAGO_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(SEED);
    let mut run = Run::start(seed).await;
    let mut draw = Draw::new(seed);
    let (mut count, mut check_at) = (0, CHECK_EVERY);
    while count < OPERATIONS {
        // One of the two sessions may be away for a while; the phone never is.
        let at = usize::from(draw.chance(2));
        if draw.chance(12) {
            run.toggle(at).await;
        }
        let present: Vec<Who> =
            [Who::Phone, Who::First, Who::Second].into_iter().filter(|who| run.is_there(*who)).collect();
        let steps = draw.together(&present);
        count += steps.len();
        run.perform(steps).await;
        if count >= check_at {
            check_at += CHECK_EVERY;
            run.come_back().await;
            run.compare(count).await;
            if (OPERATIONS / 2..OPERATIONS / 2 + CHECK_EVERY).contains(&count) {
                run.restart().await;
                run.compare(count).await;
            }
        }
    }
    run.come_back().await;
    run.compare(count).await;
    // One that is linked only now is told of all that was set.
    let late = run.link("late").await;
    run.compare_late(&late).await;
    run.world.stop().await;
}

impl Run {
    async fn start(seed: u64) -> Self {
        let world = World::start_with(STORED).await;
        let scene = Scene::set(&world.phones).await;
        let mut sessions = Vec::new();
        for name in ["first", "second"] {
            let (session, inbox) = world.session(name).await;
            session.link(&world.phones, ALICE, &inbox).await;
            sessions.push(Linked { name, session, inbox, connected: true });
        }
        let Ok(sessions) = <[Linked; 2]>::try_from(sessions) else { unreachable!("two were linked") };
        Self { world, scene, sessions, seed, done: VecDeque::new() }
    }

    async fn link(&self, name: &'static str) -> Linked {
        let (session, inbox) = self.world.session(name).await;
        session.link(&self.world.phones, ALICE, &inbox).await;
        Linked { name, session, inbox, connected: true }
    }

    fn is_there(&self, who: Who) -> bool {
        who.session().is_none_or(|at| self.sessions[at].connected)
    }

    fn note(&mut self, what: String) {
        if self.done.len() == SHOWN {
            self.done.pop_front();
        }
        self.done.push_back(what);
    }

    /// A session goes, or comes back.
    async fn toggle(&mut self, at: usize) {
        let one = &mut self.sessions[at];
        match one.connected {
            true => one.disconnect().await,
            false => one.connect().await,
        }
        let what = if one.connected { "comes back" } else { "goes" };
        let line = format!("{} {what}", one.name);
        self.note(line);
    }

    async fn come_back(&mut self) {
        for at in 0..self.sessions.len() {
            if !self.sessions[at].connected {
                self.toggle(at).await;
            }
        }
    }

    /// The gateway's process ends and another begins, on the same data; meanwhile the phone goes on.
    async fn restart(&mut self) {
        self.world.stop_gateway().await;
        self.note("the gateway restarts".to_owned());
        let mut alone = Draw::new(self.seed.wrapping_add(1));
        let steps = (0..5).flat_map(|_| alone.together(&[Who::Phone])).collect::<Vec<_>>();
        for step in steps {
            self.perform(vec![step]).await;
        }
        let seen = self.sessions.each_ref().map(|one| one.inbox.count());
        self.world.start_gateway_with(STORED).await;
        for (one, seen) in self.sessions.iter_mut().zip(seen) {
            one.session = self.world.api.session(one.name);
            one.inbox.next_of(seen, "Connected").await;
        }
    }

    /// Does them at the same time.
    async fn perform(&mut self, steps: Vec<draw::Step>) {
        let (scene, phones, sessions) = (&self.scene, &self.world.phones, &self.sessions);
        let acts = steps.iter().map(async |step| {
            let session = step.who.session().map(|at| &sessions[at].session);
            scene.act(phones, session, &step.operation).await
        });
        let outcomes = join_all(acts).await;
        let together = steps.len() > 1;
        for (step, outcome) in steps.into_iter().zip(outcomes) {
            let mark = if together { "&" } else { " " };
            self.note(format!("{mark} {:?} {:?}: {}", step.who, step.operation, outcome.told()));
            if let Some(sent) = outcome.message {
                self.scene.remember(sent);
            }
            if outcome.broken {
                self.give_up("an operation failed", &[]);
            }
        }
    }

    async fn compare(&self, count: usize) {
        let wait = async {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            loop {
                looks.tick().await;
                if self.differences().await.is_empty() {
                    return;
                }
            }
        };
        if tokio::time::timeout(PATIENCE / 4, wait).await.is_err() {
            let differences = self.differences().await;
            self.give_up(&format!("after {count} operations the views differ"), &differences);
        }
    }

    async fn differences(&self) -> Vec<String> {
        let phone = view::of_phone(&self.world.phones, &self.scene).await;
        let mut found = Vec::new();
        for one in &self.sessions {
            let seen = view::of_session(&one.session, &one.inbox, &self.scene).await;
            view::differences(&format!("{}:", one.name), &phone, &seen, &mut found);
        }
        found
    }

    /// It knows no messages from before, but all else.
    async fn compare_late(&self, late: &Linked) {
        let differences = async || {
            let mut phone = view::of_phone(&self.world.phones, &self.scene).await;
            let mut seen = view::of_session(&late.session, &late.inbox, &self.scene).await;
            for view in [&mut phone, &mut seen] {
                view["messages"] = Value::Null;
            }
            let mut found = Vec::new();
            view::differences("late:", &phone, &seen, &mut found);
            found
        };
        let wait = async {
            let mut looks = tokio::time::interval(LOOK_EVERY);
            while !differences().await.is_empty() {
                looks.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE / 4, wait).await.is_err() {
            self.give_up("who was linked late sees other things", &differences().await);
        }
    }

    fn give_up(&self, why: &str, differences: &[String]) -> ! {
        let done: Vec<&str> = self.done.iter().map(String::as_str).collect();
        panic!(
            "WAGO_TEST_SEED={}: {why}\n{}\nlast operations:\n{}",
            self.seed,
            differences.join("\n"),
            done.join("\n")
        );
    }
}
