/** The chat API that CRMs speak; its paths, slashes and fields are a contract. */

/** The engine answers, or says why not, well within this. */
const ASK_MS = 70000;
const CALL_MS = 30000;

/**
 * `{agentType}-session-{timestamp}`, with digits behind the milliseconds that nobody can
 * guess: whoever knows the id and the person may read the conversation.
 */
export function makeSessionId(agentType) {
  const parts = crypto.getRandomValues(new Uint32Array(3));
  const digits = Array.from(parts, (each) => String(each).padStart(10, "0")).join("");
  return `${agentType}-session-${Date.now()}${digits}`;
}

export class CrmApi {
  /** `base` is where the service stands; without a `key` its default channel answers. */
  constructor({ base, key, agentType, lang }) {
    Object.assign(this, { base, agentType });
    this.headers = { "Accept-Language": lang, ...(key && { "X-Channel-Key": key }) };
  }

  ask(person, session_id, { id, text }) {
    const body = { message: text, message_id: id, session_id, user_info: person };
    return this.post(`api/agent/${this.agentType}/`, body, ASK_MS);
  }

  recordFailure(person, session_id, answer) {
    return this.post("api/agent-failure/", {
      session_id,
      agent_id: person.agent_id,
      query: answer.query,
      agent_response: answer.text,
      confidence_score: answer.confidence,
      escalation_reason: answer.sources.length ? "low_confidence" : "no_results",
      user_email: person.email,
      user_name: person.name,
      user_agency: person.agency,
      user_office: person.office,
      agent_type: this.agentType,
      ...(person.signature && { signature: person.signature }),
    });
  }

  createTicket(failure, conversation_history) {
    return this.post(`api/agent-failure/${failure}/create-ticket`, { conversation_history });
  }

  decline(failure) {
    return this.post(`api/agent-failure/${failure}/decline`);
  }

  rate(person, session_id, { id, rating, answer }) {
    const { agent_id, email, name, signature } = person;
    return this.post("api/feedback", {
      message_id: id,
      session_id,
      feedback_type: rating,
      query: answer.query,
      response: answer.text,
      agent_type: this.agentType,
      user_info: { agent_id, email, full_name: name, ...(signature && { signature }) },
      confidence_score: answer.confidence,
      sources_used: answer.sources.map((each) => each.title),
    });
  }

  /** What was said in a session after `after`; `path` names the channel. */
  read(path, person, session_id, after) {
    const query = new URLSearchParams({ after, agent_id: person.agent_id });
    const headers = { ...this.headers, "X-Session-Id": session_id };
    if (person.signature) headers["X-Signature"] = person.signature;
    return this.call(`${path}?${query}`, { headers, cache: "no-store" }, CALL_MS);
  }

  post(path, body, timeout_ms = CALL_MS) {
    const headers = { ...this.headers, "Content-Type": "application/json" };
    const options = { method: "POST", headers, body: body && JSON.stringify(body) };
    return this.call(path, options, timeout_ms);
  }

  /** The answer's `status` and `body`; the status is null where there was no answer. */
  async call(path, options, timeout_ms) {
    try {
      const response = await fetch(new URL(path, this.base), {
        ...options,
        signal: AbortSignal.timeout(timeout_ms),
      });
      return { status: response.status, body: await response.json() };
    } catch {
      return { status: null, body: {} };
    }
  }
}
