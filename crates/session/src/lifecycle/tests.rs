use super::*;

const START: i64 = 1_700_000_000_000;

fn linked() -> Lifecycle {
    Lifecycle::start(true, None, START).0
}

fn unlinked() -> Lifecycle {
    Lifecycle::start(false, None, START).0
}

fn open() -> Lifecycle {
    let mut life = linked();
    life.step(Input::LoggedIn, START, 0.5);
    life
}

fn closed() -> Input {
    Input::Closed { reason: "gone".into() }
}

fn unreached() -> Input {
    Input::Unreached { reason: "refused".into() }
}

#[test]
fn each_input_leads_to_its_state() {
    use HealthState::*;
    let logged_out = Input::LoggedOut { reason: "removed".into(), on_connect: true };
    let banned = Input::Banned { for_ms: 60_000, reason: "101".into() };
    let refused = Input::Refused { reason: "code 418".into() };
    let scan_over = Input::QrOver { pair_code_outstanding: false };
    let code_out = Input::QrOver { pair_code_outstanding: true };
    let cases: Vec<(Lifecycle, Vec<Input>, HealthState)> = vec![
        (unlinked(), vec![], Starting),
        (unlinked(), vec![Input::QrShown], WaitingForScan),
        (unlinked(), vec![Input::QrShown, scan_over], Stopped),
        (unlinked(), vec![Input::QrShown, code_out], WaitingForScan),
        (unlinked(), vec![Input::QrShown, Input::Paired], Starting),
        (unlinked(), vec![Input::QrShown, Input::Paired, closed(), Input::LoggedIn], Ok),
        (linked(), vec![Input::LoggedIn], Ok),
        (linked(), vec![unreached()], Unreachable),
        (open(), vec![closed()], Reconnecting),
        (open(), vec![closed(), unreached()], Unreachable),
        (open(), vec![Input::Panicked], Reconnecting),
        (open(), vec![logged_out, closed()], LoggedOut),
        (open(), vec![Input::Replaced, closed()], Replaced),
        (linked(), vec![banned, closed()], Banned),
        (linked(), vec![Input::Outdated, closed()], Outdated),
        (linked(), vec![refused, closed()], Failed),
        (open(), vec![Input::Stopped], Stopped),
        (open(), vec![Input::ShutDown], Stopped),
    ];
    for (mut life, inputs, state) in cases {
        for input in &inputs {
            life.step(input.clone(), START, 0.5);
        }
        assert_eq!(life.health().state, state, "{inputs:?}");
    }
}

#[test]
fn pauses_grow_to_a_minute() {
    let mut life = open();
    let mut now = START;
    life.step(closed(), now, 0.5);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let at = life.wake_at().unwrap();
        pauses.push(at - now);
        now = at;
        assert_eq!(life.step(Input::Woken, now, 0.5), [Effect::Dial]);
        assert_eq!(life.wake_at(), None);
        life.step(unreached(), now, 0.5);
    }
    assert_eq!(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    // It says since when, not since the latest attempt.
    assert_eq!(life.health().since, START / 1000);
}

#[test]
fn jitter_spreads_pauses_by_a_fifth() {
    for (jitter, pause) in [(0.0, 48_000), (1.0, 72_000)] {
        let mut life = linked();
        for _ in 0..20 {
            life.step(unreached(), START, jitter);
        }
        assert_eq!(life.wake_at(), Some(START + pause));
    }
}

#[test]
fn a_stable_connection_clears_the_failures() {
    for (lasted, pause) in [(STABLE_MS, 500), (STABLE_MS - 1, 8_000)] {
        let mut life = linked();
        for _ in 0..4 {
            life.step(unreached(), START, 0.5);
        }
        life.step(Input::LoggedIn, START, 0.5);
        life.step(closed(), START + lasted, 0.5);
        assert_eq!(life.wake_at(), Some(START + lasted + pause), "{lasted}");
    }
}

#[test]
fn a_timer_that_comes_early_does_nothing() {
    let mut life = linked();
    life.step(unreached(), START, 0.5);
    assert_eq!(life.step(Input::Woken, START, 0.5), []);
    assert!(life.wake_at().is_some());
}

#[test]
fn who_asks_need_not_wait_unless_banned() {
    let mut life = linked();
    life.step(unreached(), START, 0.5);
    assert_eq!(life.step(Input::Asked, START, 0.5), [Effect::Dial]);
    assert_eq!(life.step(Input::Asked, START, 0.5), []);
    let mut life = linked();
    let banned = Input::Banned { for_ms: 3_600_000, reason: "101".into() };
    life.step(banned, START, 0.5);
    assert_eq!(life.step(Input::Asked, START, 0.5), []);
    assert_eq!(life.health().until, Some(START / 1000 + 3_600));
    assert_eq!(life.step(Input::Woken, START + 3_600_000, 0.5), [Effect::Dial]);
}

#[test]
fn a_new_device_comes_back_at_once() {
    let mut life = unlinked();
    life.step(Input::QrShown, START, 0.5);
    life.step(Input::Paired, START, 0.5);
    assert_eq!(life.step(closed(), START, 0.5), [Effect::Dial]);
    assert!(life.is_linked());
}

#[test]
fn a_ban_outlives_a_restart() {
    let mut life = linked();
    let banned = Input::Banned { for_ms: 3_600_000, reason: "101".into() };
    let effects = life.step(banned, START, 0.5);
    assert!(effects.contains(&Effect::Keep));
    let kept = life.kept().unwrap();
    let (again, effects) = Lifecycle::start(true, Some(&kept), START + 1_000);
    assert_eq!(effects, []);
    assert_eq!(again.health(), life.health());
    let (mut over, effects) = Lifecycle::start(true, Some(&kept), START + 3_600_001);
    assert_eq!(effects, [Effect::Dial]);
    let effects = over.step(Input::LoggedIn, START + 3_600_001, 0.5);
    assert_eq!(effects, [Effect::Tell(Notice::Connected), Effect::Forget]);
}

#[test]
fn a_logged_out_session_stays_so_until_it_is_linked_again() {
    let mut life = open();
    let out = Input::LoggedOut { reason: "removed".into(), on_connect: false };
    let effects = life.step(out, START, 0.5);
    assert!(effects.contains(&Effect::Wipe) && effects.contains(&Effect::Keep));
    assert!(life.has_ended() && !life.is_linked());
    let health = Lifecycle::at_rest(life.kept().as_deref(), false, 0);
    assert_eq!(health.state, HealthState::LoggedOut);
    assert_eq!(health.since, START / 1000);
    // What the dying connection still says changes nothing.
    for input in [closed(), Input::LoggedIn, Input::Asked, Input::Woken] {
        assert_eq!(life.step(input, START, 0.5), []);
    }
}

#[test]
fn a_replaced_session_is_not_brought_back() {
    let mut life = open();
    let effects = life.step(Input::Replaced, START, 0.5);
    assert!(effects.contains(&Effect::Unwant) && effects.contains(&Effect::End));
}

#[test]
fn nobody_scans_for_ever() {
    let mut life = unlinked();
    life.step(unreached(), START, 0.5);
    assert!(!life.has_ended());
    life.step(unreached(), START + SCAN_MS + 1, 0.5);
    assert!(life.has_ended());
    assert!(life.health().reason.contains("could not be reached"));
    let mut life = unlinked();
    life.step(Input::QrShown, START, 0.5);
    let over = Input::QrOver { pair_code_outstanding: true };
    life.step(over, START, 0.5);
    life.step(Input::Woken, START + PAIR_CODE_MS, 0.5);
    assert!(life.has_ended());
}

#[test]
fn what_was_kept_by_another_version_is_no_harm() {
    for kept in ["", "{}", "null", r#"{"kind":"rest","state":"new"}"#] {
        let (_, effects) = Lifecycle::start(true, Some(kept), START);
        assert_eq!(effects, [Effect::Dial]);
        let health = Lifecycle::at_rest(Some(kept), true, START);
        assert_eq!(health.state, HealthState::Stopped);
    }
}

fn at(steps: &[Step]) -> Lifecycle {
    let mut life = unlinked();
    life.step(Input::QrShown, START, 0.5);
    for step in steps {
        life.step(Input::Passkey(*step), START, 0.5);
        assert_eq!(life.passkey(), Some(*step));
    }
    life
}

#[test]
fn a_passkey_is_waited_for_step_by_step() {
    use Step::*;
    let steps = [Requested, Answered, Confirm, Confirmed];
    for count in 1..=steps.len() {
        let mut life = at(&steps[..count]);
        let health = life.health();
        assert_eq!((health.state, health.until), (HealthState::WaitingForPasskey, None));
        // Neither a connect nor the next QR code ends it.
        for input in [Input::Asked, Input::QrShown, Input::QrOver { pair_code_outstanding: true }] {
            assert_eq!(life.step(input, START, 0.5), []);
        }
        assert_eq!(life.health(), health);
        life.step(Input::Paired, START, 0.5);
        assert_eq!(life.step(closed(), START, 0.5), [Effect::Dial]);
    }
    for (so_far, step) in [
        (vec![], Answered),
        (vec![], Confirm),
        (vec![Requested], Confirmed),
        (vec![Requested, Answered, Confirm], Answered),
    ] {
        let mut life = at(&so_far);
        life.step(Input::Passkey(step), START, 0.5);
        assert_eq!(life.passkey(), so_far.last().copied(), "{step:?}");
    }
    // WhatsApp may ask again, but not a session that is linked.
    let mut life = at(&[Requested, Answered, Requested]);
    life.step(Input::Paired, START, 0.5);
    life.step(Input::Passkey(Requested), START, 0.5);
    assert_eq!(life.passkey(), None);
}

#[test]
fn a_passkey_that_comes_to_nothing_is_told() {
    let told = |reason: &str, continuation| Effect::Tell(Notice::PasskeyFailed { reason: reason.into(), continuation });
    let mut life = at(&[Step::Requested]);
    let refused = Input::PasskeyFailed { reason: "refused".into(), continuation: false };
    assert_eq!(life.step(refused, START, 0.5), [told("refused", false)]);
    let health = life.health();
    assert_eq!(health.state, HealthState::Failed);
    assert_eq!(health.reason, "linking with a passkey failed: refused");
    assert_eq!(life.step(Input::QrShown, START, 0.5), []);
    assert_eq!(life.passkey(), Some(Step::Failed));
    // A new code needs a new connection: the codes of this one were used.
    assert_eq!(life.step(Input::Anew, START, 0.5), [Effect::Dial]);
    assert_eq!((life.passkey(), life.health().state), (None, HealthState::Starting));

    let mut life = at(&[Step::Requested, Step::Answered]);
    assert_eq!(life.step(closed(), START, 0.5), [told("gone", true)]);
    assert_eq!((life.passkey(), life.health().state), (None, HealthState::Reconnecting));

    let mut life = at(&[Step::Requested]);
    let over = Input::QrOver { pair_code_outstanding: false };
    assert_eq!(life.step(over, START, 0.5), [told("the passkey was not shown in time", false), Effect::End]);
    let mut life = at(&[Step::Requested]);
    assert_eq!(life.step(Input::Woken, START + passkey::PASSKEY_MS - 1, 0.5), []);
    assert!(!life.step(Input::Woken, START + passkey::PASSKEY_MS, 0.5).is_empty());
    assert!(life.has_ended());
}
