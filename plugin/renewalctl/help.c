#include "plugin/renewalctl/options.h"

static const char help_all[] =
    "renewalctl asks a Mosquitto broker's certificate renewal plugin, and tells it to renew.\n"
    "\n"
    "Usage: renewalctl [OPTION...] COMMAND\n"
    "\n"
    "Commands (renewalctl COMMAND --help says more):\n"
    "  status              how the plugin, its store and its issuers are\n"
    "  device ID           what is known of a device's certificates\n"
    "  trigger ID          ask a device for a new certificate\n"
    "  audit verify FILE   whether a journal is whole and unchanged; asks no broker\n"
    "\n"
    "The connection, as with mosquitto_pub:\n"
    "  -h, --host HOST     broker (default localhost)\n"
    "  -p, --port PORT     default 8883 with TLS, 1883 without\n"
    "  -u, --username NAME\n"
    "  -P, --password PW   better in the configuration file: arguments can be seen by others\n"
    "  --cafile FILE       whom to trust, PEM; turns TLS on\n"
    "  --capath DIR\n"
    "  --cert FILE         who you are, PEM\n"
    "  --key FILE\n"
    "  --insecure          do not compare the server's name with its certificate\n"
    "  -i, --id ID         client id (default: a random one)\n"
    "  --timeout SECONDS   for everything together, 1-3600 (default 10)\n"
    "\n"
    "  --json              the answer as JSON\n"
    "  --config FILE       default ~/.config/renewalctl: lines of an option's long name and its value,\n"
    "                      such as 'cafile /etc/mosquitto/ca.pem'; arguments win\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no connection or no answer.\n";

static const char help_status[] =
    "Shows how the plugin, its store and its issuers are.\n"
    "\n"
    "Usage: renewalctl [OPTION...] status\n"
    "\n"
    "Examples:\n"
    "  renewalctl -h broker.example --cafile ca.pem --cert admin.pem --key admin.key status\n"
    "  renewalctl --json status | jq .store.connected\n";

static const char help_device[] =
    "Shows what is known of a device: when it was seen, and for each slot its certificate and its renewal.\n"
    "\n"
    "Usage: renewalctl [OPTION...] device ID\n"
    "\n"
    "Examples:\n"
    "  renewalctl device meter-17\n"
    "  renewalctl --json device meter-17 | jq -r '.slots[] | .slot + \" \" + .notAfter'\n";

static const char help_trigger[] =
    "Asks a device for a new certificate: at once where it is connected, else when it next appears.\n"
    "\n"
    "Usage: renewalctl [OPTION...] trigger ID [--slot SLOT] [--reason REASON]\n"
    "\n"
    "  --slot SLOT         which of its certificates (default operational)\n"
    "  --reason REASON     told to the device: expiry, operator (default), campaign, ca-rotation, regression, policy\n"
    "\n"
    "Examples:\n"
    "  renewalctl trigger meter-17\n"
    "  renewalctl trigger meter-17 --slot data --reason policy\n";

const char *ctl_help_text(enum ctl_action action)
{
    switch (action) {
    case CTL_STATUS: return help_status;
    case CTL_DEVICE: return help_device;
    case CTL_TRIGGER: return help_trigger;
    case CTL_HELP:
    case CTL_VERSION: break;
    }
    return help_all;
}
