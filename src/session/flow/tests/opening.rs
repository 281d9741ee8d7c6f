//! How a session comes to be open, or is refused.

use super::*;

#[test]
fn a_claim_that_is_refused_closes_with_the_code_of_its_reason() {
    for (refused, code) in [
        (RejectCode::LimitReached, CloseCode::TooManyDevices),
        (RejectCode::NotAllowed, CloseCode::BadTicket),
    ] {
        let mut bench = Bench::new(rules());
        bench.packet(Packet::Hello(hello()));
        bench.give(checked());
        let refusal = StoreError::Refused(Refusal::new(refused, "no"));
        assert_eq!(closed_with(&bench.give(Input::Claimed(Err(refusal), 1))), Some(code));
    }
}

#[test]
fn a_device_that_another_one_keeps_out_is_no_bad_credential() {
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    let refused = Input::Checked(Err((CloseCode::AnotherDevice, "later".into())));
    assert_eq!(closed_with(&bench.give(refused)), Some(CloseCode::AnotherDevice));
    assert_eq!(bench.flow.metrics.devices_refused.get(), 1);
    assert_eq!(bench.flow.metrics.credentials_refused.get(), 0);
}

#[test]
fn a_ticket_is_claimed_with_the_number_of_its_device() {
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    let ticket = Ticket { bytes: Bytes::from_static(b"t"), expires_ms: 9 };
    let admitted = Admitted::Ticket { ticket, device: 4 };
    let address = Some("::1".parse().unwrap());
    let asked = bench.give(Input::Checked(Ok(Guest { admitted, address })));
    let [Action::Start(Work::Claim(claim, _))] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!((claim.by_ticket, claim.label.address.as_str()), (Some(4), "::1"));
}

#[test]
fn a_credential_that_is_refused_closes_with_its_code() {
    let mut bench = Bench::new(rules());
    bench.packet(Packet::Hello(hello()));
    let refused = Input::Checked(Err((CloseCode::BadTicket, "expired".into())));
    assert_eq!(closed_with(&bench.give(refused)), Some(CloseCode::BadTicket));
    assert!(bench.flow.is_closed() && bench.flow.deadline().is_none());
}
