// The block "Ask the assistant" of Kommo's Salesbot designer.
//
// The block is a little bot of its own. It sends the customer's words to Answerdesk,
// which answers by continuing the bot: at step 1 with a long reply in {{json.reply}},
// at step 2 where it was shown already. Steps are numbered as in integrations/kommo/replies.py.
define([], function () {
  "use strict";

  const ADDRESS = "__ADDRESS__";
  const ASK = 0;
  const SHOW_REPLY = 1;
  const DECIDE = 2;
  const LISTEN = 3;

  const goto = (step) => ({ handler: "goto", params: { type: "question", step } });
  const leave = (exit) => ({ handler: "exits", params: { value: exit } });
  const when = (status, result) => ({
    handler: "conditions",
    params: {
      logic: "and",
      conditions: [{ term1: "{{json.status}}", term2: status, operation: "=" }],
      result: [result],
    },
  });

  function flow(address) {
    const steps = [];
    steps[ASK] = {
      question: [
        {
          handler: "widget_request",
          params: {
            url: address,
            data: {
              message: "{{message_text}}",
              lead_id: "{{lead.id}}",
              contact_id: "{{contact.id}}",
              name: "{{contact.name}}",
              from: "widget",
            },
          },
        },
        goto(DECIDE),
      ],
    };
    steps[SHOW_REPLY] = {
      question: [{ handler: "show", params: { type: "text", value: "{{json.reply}}" } }, goto(DECIDE)],
    };
    steps[DECIDE] = {
      question: [when("handoff", leave("person")), when("done", leave("done")), goto(LISTEN)],
    };
    // Nothing is asked: the bot waits for the customer's next words.
    steps[LISTEN] = { question: [], answer: [goto(ASK)], require: [] };
    return steps;
  }

  return function () {
    const self = this;
    const word = (name) => self.i18n("salesbot_designer")[name];

    this.callbacks = {
      settings: () => true,
      init: () => true,
      bind_actions: () => true,
      render: () => true,
      onSave: () => true,
      destroy: () => {},
      // The designer breaks where this is not given.
      salesbotDesignerSettings: () => ({
        exits: [
          { code: "person", title: word("exit_person") },
          { code: "done", title: word("exit_done") },
        ],
      }),
      onSalesbotDesignerSave: (_handler, params) => JSON.stringify(flow((params && params.address) || ADDRESS)),
    };
    return this;
  };
});
