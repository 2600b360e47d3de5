/* An event as one line: when, what kind, whom it is about, and what else it says. */
#include "plugin/renewalctl/render.h"

#include <cjson/cJSON.h>
#include <string.h>

void ctl_render_event(const struct ctl_sheet *sheet, const char *kind, cJSON *event)
{
    char line[3 * CTL_CELL_CAP], time[CTL_CELL_CAP], who[CTL_CELL_CAP], what[CTL_CELL_CAP], text[CTL_CELL_CAP] = "";
    char shown[CTL_CELL_CAP], name[CTL_CELL_CAP], value[CTL_CELL_CAP];
    ctl_cell_take(time, event, "time");
    ctl_cell_take(who, event, "device");
    ctl_cell_take(value, event, "slot");
    ctl_cell_append(who, value[0] != '\0' ? "/" : "");
    ctl_cell_append(who, value);
    if (who[0] == '\0') {
        ctl_cell_take(who, event, "campaign");
    }
    ctl_cell_take(what, event, "alert");
    ctl_cell_add_take(what, "", event, "event");
    ctl_cell_add_take(what, "", event, "level");
    ctl_cell_add_take(text, "", event, "detail");
    while (cJSON_IsObject(event) && event->child != NULL) {
        (void)snprintf(name, sizeof name, "%.64s ", event->child->string != NULL ? event->child->string : "");
        ctl_printable(name);
        cJSON *item = cJSON_DetachItemViaPointer(event, event->child);
        ctl_cell_of(value, item);
        cJSON_Delete(item);
        ctl_cell_add(text, name, value);
    }
    (void)snprintf(shown, sizeof shown, "%.64s", kind);
    ctl_printable(shown);
    (void)snprintf(line, sizeof line, "%.64s%s%.64s  %.130s%s%.130s  %s", time, time[0] != '\0' ? "  " : "", shown, who,
                   what[0] != '\0' ? "  " : "", what, text);
    enum ctl_colour colour = strcmp(kind, "security") == 0 ? CTL_BAD : ctl_level_colour(what);
    struct ctl_sheet whole = *sheet;
    whole.width = 0; /* an event is not seen again: all of it */
    ctl_sheet_line(&whole, line, colour);
}
