/* The commands about campaigns, alerts, the audit log, the policy, and renewalctl itself. */
#include "plugin/renewalctl/build.h"
#include "plugin/renewalctl/command.h"
#include "plugin/renewalctl/render.h"
#include "plugin/renewalctl/run.h"

#include <stdint.h>

#define ONE_CAMPAIGN .words = "ID", .needs = "a campaign's id", .words_min = 1, .words_max = 1, .names = 1

const struct ctl_command ctl_commands_more[] = {
    {
        .name = "campaign start", .words = "", .groups = CTL_FOR_CAMPAIGN | CTL_FOR_SLOT | CTL_FOR_REASON |
            CTL_FOR_FILTER | CTL_FOR_LEVEL | CTL_FOR_PREFIX | CTL_FOR_YES,
        .run = ctl_run_one, .build = ctl_build_campaign_start, .check = ctl_check_campaign_start,
        .question = ctl_question_campaign_start, .render = ctl_render_campaign,
        .brief = "renew many, group after group",
        .text = "Starts a campaign: renews every certificate that the filter selects, group after group. The "
                "next group begins when enough of the one before have renewed; too many errors pause the "
                "campaign and alert.",
        .more = "A group's SPEC is NAME=SHARE, of all that the filter selects, NAME=tag:TAG, or NAME=rest for "
                "those that are left (added when missing); then as wished ,success=SHARE (of the group, for the "
                "next one to begin; default 95%) and ,error=SHARE (failed or unanswered, for a pause; default 5%). "
                "Without a filter it is about the whole fleet, and asks before it starts, unless --yes.",
        .examples = "  renewalctl campaign start --tag eu --group canary=1% --group ten=10%,error=2%\n"
                    "  renewalctl campaign start --name 'new issuer' --issuer 0123456789abcdef \\\n"
                    "      --rate 20 --deadline 30d --group lab=tag:lab,success=100% --group all=rest",
    },
    {
        .name = "campaign status", .words = "[ID]", .needs = "a campaign's id", .words_max = 1, .names = 1,
        .groups = CTL_FOR_CAMPAIGNS,
        .run = ctl_run_one, .build = ctl_build_campaign_status, .check = ctl_check_campaign_status,
        .render = ctl_render_campaign,
        .brief = "how campaigns, or one, are doing",
        .text = "Shows the campaigns, the newest first, or one of them with its groups.",
        .examples = "  renewalctl campaign status\n"
                    "  renewalctl campaign status 1a2b3c4d\n"
                    "  renewalctl --json campaign status | jq -r '.campaigns[].campaign'",
    },
    {
        .name = "campaign pause", ONE_CAMPAIGN,
        .run = ctl_run_one, .build = ctl_build_campaign_pause, .render = ctl_render_campaign,
        .brief = "trigger no more of it for now",
        .text = "Pauses a campaign: nothing more is triggered; what was triggered goes on.",
        .examples = "  renewalctl campaign pause 1a2b3c4d",
    },
    {
        .name = "campaign resume", ONE_CAMPAIGN,
        .run = ctl_run_one, .build = ctl_build_campaign_resume, .render = ctl_render_campaign,
        .brief = "go on with it",
        .text = "Goes on with a campaign that was paused, or has paused itself. The errors that there are do not "
                "pause it again; new ones do.",
        .examples = "  renewalctl campaign resume 1a2b3c4d",
    },
    {
        .name = "campaign abort", ONE_CAMPAIGN, .groups = CTL_FOR_YES,
        .run = ctl_run_one, .build = ctl_build_campaign_abort, .question = ctl_question_campaign_abort,
        .render = ctl_render_campaign,
        .brief = "end it for good",
        .text = "Ends a campaign for good: what was triggered and is not answered yet is cancelled.",
        .examples = "  renewalctl campaign abort 1a2b3c4d",
    },
    {
        .name = "campaign watch", ONE_CAMPAIGN,
        .run = ctl_run_watch, .build = ctl_build_campaign_status, .render = ctl_render_campaign,
        .brief = "watch it until it ends",
        .text = "Shows how far a campaign is, each second, until it is done, paused or aborted.",
        .more = "Without a terminal it prints a line for every change; with --json an object for each. A "
                "connection that is lost is made again. Exit codes: 0 it is done, 1 paused or aborted.",
        .examples = "  renewalctl campaign watch 1a2b3c4d\n"
                    "  renewalctl campaign watch 1a2b3c4d >>campaign.log && echo done",
    },
    {
        .name = "alerts", .words = "", .groups = CTL_FOR_LEVEL | CTL_FOR_SLOT | CTL_FOR_PREFIX | CTL_FOR_ALERTS |
            CTL_FOR_PAGE,
        .run = ctl_run_pages, .build = ctl_build_alerts, .columns = &ctl_columns_alerts,
        .brief = "what needs an operator",
        .text = "Lists the certificates that need somebody's attention.",
        .examples = "  renewalctl alerts --level critical --unacknowledged\n"
                    "  renewalctl alerts --level field --all --json | jq -r '.[].device'",
    },
    {
        .name = "alerts ack", .words = "ID", .needs = "a device's id", .words_min = 1, .words_max = 1, .names = 1,
        .groups = CTL_FOR_SLOT,
        .run = ctl_run_one, .build = ctl_build_alerts_ack, .render = ctl_render_steered, .done = "acknowledged",
        .brief = "say that somebody takes care of it",
        .text = "Acknowledges a device's alert: somebody takes care of it. It is cleared by a renewal only.",
        .examples = "  renewalctl alerts ack meter-17",
    },
    {
        .name = "audit", .words = "[ID]", .needs = "a device's id", .words_max = 1, .names = 1,
        .groups = CTL_FOR_SLOT | CTL_FOR_AUDIT | CTL_FOR_PAGE,
        .run = ctl_run_audit, .build = ctl_build_audit, .check = ctl_check_audit, .columns = &ctl_columns_audit,
        .columns_one = &ctl_columns_audit_one,
        .brief = "what happened, to a device or at all",
        .text = "Shows the audit log: of a device from its beginning, else the newest entries first.",
        .more = "With --follow each new entry is shown within about a second, the newest last; with --json an object a "
                "line. A connection that is lost is made again, and nothing is missed meanwhile. --until, --oldest and "
                "--all do not go with it. It is the stream in Redis; `audit verify` proves the journal's files.",
        .examples = "  renewalctl audit meter-17 --all\n"
                    "  renewalctl audit --who operator-1 --since 24h\n"
                    "  renewalctl audit --follow --what confirmed\n"
                    "  renewalctl audit --what issued --since 2026-11-01 --all --json >issued.json",
    },
    {
        .name = "audit verify", .words = "FILE...", .needs = "the files of a journal", .words_max = SIZE_MAX,
        .groups = CTL_FOR_ISSUERS, .run = ctl_run_verify, .offline = true,
        .brief = "whether a journal is whole and unchanged; asks no broker",
        .text = "See renewalctl audit verify --help.",
        .examples = "  renewalctl audit verify --issuer issuer.pem journal*.jsonl",
    },
    {
        .name = "policy", .words = "", .groups = CTL_FOR_SLOT,
        .run = ctl_run_one, .build = ctl_build_policy, .render = ctl_render_policy,
        .brief = "the settings, and where they are from",
        .text = "Shows the settings that are in force: from the broker's file, or shared by all brokers.",
        .examples = "  renewalctl policy\n"
                    "  renewalctl policy --slot operational --json | jq .version",
    },
    {
        .name = "policy set", .words = "KEY=VALUE...", .needs = "a setting, such as trigger_rate=20",
        .words_min = 1, .words_max = SIZE_MAX, .groups = CTL_FOR_SLOT | CTL_FOR_POLICY | CTL_FOR_YES,
        .run = ctl_run_policy_set, .build = ctl_build_policy_set, .check = ctl_check_policy_set,
        .render = ctl_render_policy_set,
        .brief = "change settings on all brokers at once",
        .text = "Changes settings on all brokers at once, all of them or, when one is wrong, none. KEY= alone "
                "goes back to what each broker's file says. Shows what changes, and asks.",
        .more = "With --slot they are settings of that slot. Without it they are those of the brokers. What can be set: "
                "renewalctl policy.",
        .examples = "  renewalctl policy set trigger_rate=20 retry_first=2h\n"
                    "  renewalctl policy set --slot operational lifetime=60d renewal_window=40%\n"
                    "  renewalctl policy set trigger_rate= --yes",
    },
    {
        .name = "forecast", .words = "",
        .run = ctl_run_one, .build = ctl_build_forecast, .render = ctl_render_forecast,
        .brief = "what expires, and the renewals to come",
        .text = "Shows how many certificates expire soon, how many of them will at the present behaviour not "
                "have been renewed, and the renewals of the coming 90 days.",
        .examples = "  renewalctl forecast\n"
                    "  renewalctl forecast --json | jq '.renewalsPerDay | add'",
    },
    {
        .name = "events", .words = "[KIND]", .needs = "a kind of event", .words_max = 1, .names = 1,
        .run = ctl_run_events, .check = ctl_check_events,
        .brief = "what happens, as it happens",
        .text = "Prints a line for every event, until Ctrl-C, or for those of one KIND: alert, wake, campaign or "
                "security. With --json an object each.",
        .examples = "  renewalctl events\n"
                    "  renewalctl events alert --json | jq -r .device",
    },
    {
        .name = "help", .words = "[COMMAND]", .needs = "a command", .words_max = 2,
        .run = ctl_run_help, .offline = true,
        .brief = "this, or what a command does",
        .text = "Says what a command does.",
        .examples = "  renewalctl help campaign start",
    },
    {
        .name = "version", .words = "", .run = ctl_run_version, .offline = true,
        .brief = "which version this is",
        .text = "Says which version of renewalctl this is.",
        .examples = "  renewalctl version",
    },
};
const size_t ctl_commands_more_count = sizeof ctl_commands_more / sizeof ctl_commands_more[0];
