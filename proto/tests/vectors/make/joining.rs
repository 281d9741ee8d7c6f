//! What is asked, answered and told about coming into a group.

use packetboat_proto::content::JoinProof;
use packetboat_proto::id::InviteId;
use packetboat_proto::packet::{
    Answer, GroupCard, Invitation, InviteKey, JoinNews, JoinRequest, JoinState, JoinWay, Joined,
    Joining, Kind, Notice, Operation, Packet,
};

use super::packet::{chat, request, response, user};
use super::{Message, Theme};
use crate::line::Vector;

const AT_MS: u64 = 1_760_000_000_000;

fn invitation() -> Invitation {
    Invitation {
        key: InviteKey { id: InviteId::from([1; 8]), secret: [2; 16] },
        expires_ms: AT_MS,
        uses: 3,
        asks: true,
        made_by: Some(user("ada")),
    }
}

pub(super) fn vectors() -> Vec<Vector> {
    let mut theme = Theme::default();
    questions(&mut theme);
    answers(&mut theme);
    limits(&mut theme);
    for (name, state) in
        [("waiting", Some(JoinState::Waiting)), ("refused", Some(JoinState::Refused))]
    {
        let news = JoinNews { chat: chat("group:crew"), user: user("bob"), state };
        theme.canonical(&format!("notice.join_{name}"), &Packet::Notice(Notice::Join(news)));
    }
    theme.vectors
}

fn key(id: usize, secret: usize) -> Message {
    Message::new().bytes(1, vec![1; id]).bytes(2, vec![2; secret])
}

fn limits(theme: &mut Theme) {
    let asked = |key: Message| {
        let invitation = Message::new().message(1, key);
        let asked = Message::new().bytes(1, "group:crew").message(2, invitation);
        Message::new().int(1, 1).message(10, asked)
    };
    let packet = |key: InviteKey| {
        let invitation = Invitation { key, ..plain() };
        request(Operation::Joining(Joining::Invite { chat: chat("group:crew"), invitation }))
    };
    for name in ["invite_id_bytes", "invite_secret_bytes"] {
        theme.canonical(&format!("limit.{name}.at"), &packet(invitation().key));
    }
    for (name, id, secret) in [
        ("invite_id_bytes.over", 9, 16),
        ("invite_id_bytes.under", 7, 16),
        ("invite_secret_bytes.over", 8, 17),
        ("invite_secret_bytes.under", 8, 15),
    ] {
        let why = "an id has 8 bytes, a secret 16";
        theme.bad(&format!("limit.{name}"), Kind::Request, &asked(key(id, secret)), why);
    }
    let by = |proof: usize| {
        let proof = Message::new().bytes(1, [1; 8]).bytes(2, vec![9; proof]);
        let card = Message::new().bytes(1, "group:crew").message(2, proof);
        Message::new().int(1, 1).message(8, card)
    };
    let proof = Some(JoinProof { invite: InviteId::from([1; 8]), proof: [9; 32] });
    let card = Joining::Card { chat: chat("group:crew"), proof };
    theme.canonical("limit.join_proof_bytes.at", &request(Operation::Joining(card)));
    for (end, bytes) in [("over", 33), ("under", 31)] {
        let name = format!("limit.join_proof_bytes.{end}");
        theme.bad(&name, Kind::Request, &by(bytes), "a proof has 32 bytes");
    }
    let most = Joined::Invites(vec![invitation(); 100]);
    theme.canonical("limit.invites_max.at", &response(Answer::Joining(most)));
    let list = Message::new().repeated(1, 101, |_| Vec::new());
    let body = Message::new().int(1, 1).message(15, list);
    theme.bad("limit.invites_max.over", Kind::Response, &body, "more than 100 invitations");
    let users = Message::new().bytes(1, "group:crew").repeated(2, 101, |_| b"a".to_vec());
    let body = Message::new().int(1, 1).message(64, users);
    let name = "limit.members_per_change_max.refuse_join.over";
    theme.bad(name, Kind::Request, &body, "more than 100 users");
    let list = Message::new().repeated(1, 201, |_| Vec::new());
    let body = Message::new().int(1, 1).message(63, list);
    let name = "limit.page_items_max.join_requests.over";
    theme.bad(name, Kind::Response, &body, "more than 200 requests");
    let nothing = Message::new().int(1, 1).message(10, Message::new().bytes(1, "group:crew"));
    theme.bad("request.invite_without_invitation", Kind::Request, &nothing, "it is needed");
    let nothing = Message::new().bytes(1, "group:crew").message(2, Message::new().int(2, 5));
    let body = Message::new().int(1, 1).message(10, nothing);
    theme.bad("request.invite_without_key", Kind::Request, &body, "it is needed");
}

fn plain() -> Invitation {
    Invitation { expires_ms: 0, uses: 0, asks: false, made_by: None, ..invitation() }
}

fn questions(theme: &mut Theme) {
    let crew = || chat("group:crew");
    let proof = Some(JoinProof { invite: InviteId::from([1; 8]), proof: [9; 32] });
    let asked = [
        ("card", Joining::Card { chat: crew(), proof: None }),
        ("card_by_link", Joining::Card { chat: crew(), proof }),
        ("invite", Joining::Invite { chat: crew(), invitation: plain() }),
        ("invite_full", Joining::Invite { chat: crew(), invitation: invitation() }),
        ("uninvite", Joining::Uninvite { chat: crew(), id: InviteId::from([1; 8]) }),
        ("invites", Joining::Invites { chat: crew() }),
        ("ask_to_join", Joining::Ask { chat: crew(), proof: None }),
        ("ask_to_join_by_link", Joining::Ask { chat: crew(), proof }),
        ("join_requests", Joining::Requests { chat: crew(), after: None, limit: 0 }),
        (
            "join_requests_after",
            Joining::Requests { chat: crew(), after: Some(user("bob")), limit: 9 },
        ),
        ("refuse_join", Joining::Refuse { chat: crew(), users: vec![user("bob"), user("eve")] }),
    ];
    for (name, joining) in asked {
        theme.canonical(&format!("request.{name}"), &request(Operation::Joining(joining)));
    }
}

fn answers(theme: &mut Theme) {
    let card = |way| {
        Joined::Card(GroupCard {
            chat: chat("group:crew"),
            name: "Crew".into(),
            topic: "Sails".into(),
            avatar: "pictures/7".into(),
            members: 3,
            way,
        })
    };
    let one = JoinRequest { user: user("bob"), at_ms: AT_MS };
    let answered = [
        ("card_member", card(Some(JoinWay::Member))),
        ("card_join", card(Some(JoinWay::Join))),
        ("card_ask", card(Some(JoinWay::Ask))),
        ("card_of_later_way", card(None)),
        ("invite", Joined::Invite),
        ("uninvite", Joined::Uninvite),
        ("invites", Joined::Invites(vec![invitation()])),
        ("invites_none", Joined::Invites(Vec::new())),
        ("ask_to_join_waiting", Joined::Ask(Some(JoinState::Waiting))),
        ("ask_to_join_refused", Joined::Ask(Some(JoinState::Refused))),
        ("ask_to_join_member", Joined::Ask(Some(JoinState::Member))),
        ("join_requests", Joined::Requests { requests: vec![one], more: true }),
        ("join_requests_none", Joined::Requests { requests: Vec::new(), more: false }),
        ("refuse_join", Joined::Refuse),
    ];
    for (name, joined) in answered {
        theme.canonical(&format!("response.{name}"), &response(Answer::Joining(joined)));
    }
}
