#include "plugin/renewalctl/build.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

/* "1%", "2.5%": at most 100, at most one digit after the point. */
static bool share_ok(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    bool form = whole >= 1 && whole <= 3 && part <= 1 && (text[whole] == '.') == (part == 1) &&
                strcmp(text + whole + 2 * part, "%") == 0;
    bool large = whole == 3 && (strncmp(text, "100", 3) != 0 || (part == 1 && text[4] != '0'));
    return form && !large;
}

static cr_err spec_wrong(char why[CTL_WHY_CAP], const char *spec, const char *what)
{
    (void)snprintf(why, CTL_WHY_CAP, "--group '%.60s': %.120s", spec, what);
    return CR_INVALID;
}

static cr_err field_add(cJSON *group, const char *name, const char *value)
{
    return cJSON_AddStringToObject(group, name, value) != NULL ? CR_OK : CR_NOMEM;
}

/* The first part: NAME=SHARE, NAME=tag:TAG, or NAME or NAME=rest for those that are left. */
static cr_err first_read(cJSON *group, const char *spec, const char *name, const char *value, char why[CTL_WHY_CAP])
{
    if (!cr_name_ok(name, strlen(name)) || strlen(name) > CTL_TAG_MAX) {
        return spec_wrong(why, spec, "it begins with the group's name, 1 to 32 of A-Z a-z 0-9 . _ : -");
    }
    cr_err err = field_add(group, "name", name);
    if (err == CR_OK && value != NULL && strncmp(value, "tag:", 4) == 0) {
        const char *tag = value + 4;
        return cr_name_ok(tag, strlen(tag)) && strlen(tag) <= CTL_TAG_MAX
                   ? field_add(group, "tag", tag)
                   : spec_wrong(why, spec, "tag: needs 1 to 32 of A-Z a-z 0-9 . _ : -");
    }
    if (err == CR_OK && value != NULL && strcmp(value, "rest") != 0) {
        return share_ok(value)
                   ? field_add(group, "share", value)
                   : spec_wrong(why, spec, "what follows the name is a share such as 1% or 2.5%, tag:TAG or rest");
    }
    return err;
}

static cr_err part_read(cJSON *group, const char *spec, char *part, bool first, char why[CTL_WHY_CAP])
{
    char *value = strchr(part, '=');
    if (value != NULL) {
        *value++ = '\0';
    }
    if (first) {
        return first_read(group, spec, part, value, why);
    }
    if (strcmp(part, "success") != 0 && strcmp(part, "error") != 0) {
        return spec_wrong(why, spec, "behind the first comma there are success=SHARE and error=SHARE");
    }
    if (value == NULL || !share_ok(value) || cJSON_GetObjectItemCaseSensitive(group, part) != NULL) {
        return spec_wrong(why, spec, "success and error each take one share, such as 95%");
    }
    return field_add(group, part, value);
}

cr_err ctl_group_read(cJSON *groups, const char *spec, char why[CTL_WHY_CAP])
{
    char copy[CTL_TEXT_CAP];
    cJSON *group = NULL;
    cr_err err = CR_INVALID;
    if (cr_text_copy(copy, sizeof copy, spec) != CR_OK) {
        return spec_wrong(why, spec, "too long");
    }
    group = cJSON_CreateObject();
    if (group == NULL) {
        (void)snprintf(why, CTL_WHY_CAP, "out of memory");
        return CR_NOMEM;
    }
    for (char *part = copy; part != NULL;) {
        char *comma = strchr(part, ',');
        if (comma != NULL) {
            *comma++ = '\0';
        }
        CR_TRY(part_read(group, spec, part, part == copy, why));
        part = comma;
    }
    if (groups != NULL) {
        err = cJSON_AddItemToArray(groups, group) ? CR_OK : CR_NOMEM;
        group = err == CR_OK ? NULL : group;
    }
out:
    cJSON_Delete(group);
    return err;
}
