//! Every `Approver`.

use mcp_gateway_core::approval::{Answer, Approver, MemoryApprover, Question};
use mcp_gateway_core::model::{CallContext, Decision, Effect, ServerName};
use mcp_gateway_core::protocol::Target;

/// Checks an approver whose person says yes to `s.send`, no to `s.delete`, and nothing to anything else.
pub(crate) async fn check_approver(approver: &dyn Approver) {
    assert!(granted(approver, "send").await);
    for tool in ["delete", "unheard", "send2", ""] {
        assert!(!granted(approver, tool).await, "only an explicit yes grants: {tool:?}");
    }
    let question = question("send");
    let answer = approver.approve(&CallContext::local(), &question).await.unwrap();
    assert!(!answer.by.is_empty(), "a yes names who said it");
}

fn question(tool: &str) -> Question {
    let target = Target::new(ServerName::new("s").unwrap(), tool);
    Question::new(target, None, Decision::new(Effect::HardConfirm, "s.*", "it changes things"))
}

async fn granted(approver: &dyn Approver, tool: &str) -> bool {
    approver.approve(&CallContext::local(), &question(tool)).await.is_ok_and(|answer| answer.granted)
}

#[tokio::test]
async fn memory() {
    let approver = MemoryApprover::new()
        .with_answer("s.send", Answer::new(true, "ann", "fine"))
        .with_answer("s.delete", Answer::new(false, "ann", "not today"));
    check_approver(&approver).await;
}
