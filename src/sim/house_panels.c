// Laying panels out in rows on the sides of a roof.
#include "sim/house_panels.h"

#include <math.h>

// Free space between panels, and at the edges of a roof side.
#define GAP       0.025F
#define EDGE_FREE 0.28F

struct layout {
    struct panel_place places[PANEL_PLACES_MAX];
    size_t count;
};

// From where to where the roof side reaches at a height up its slope.
static void face_span(const struct plan_face *face, float v, float *ret_from, float *ret_to)
{
    float slope = face->outline[2].v;
    float right = face->outline[1].u;
    float top_right = face->outline[2].u;
    float top_left = face->corner_count == 4 ? face->outline[3].u : face->outline[2].u;
    *ret_from = top_left * v / slope;
    *ret_to = right + (top_right - right) * v / slope;
}

static bool is_taken(const struct plan_face *face, const struct panel_place *place)
{
    for (size_t i = 0; i < face->spot_count; i++) {
        if (place->from.u < face->spots[i].to.u && place->to.u > face->spots[i].from.u &&
            place->from.v < face->spots[i].to.v && place->to.v > face->spots[i].from.v)
            return true;
    }
    return false;
}

// One row whose lower edge is at v, filled from its middle outwards.
static void lay_row(const struct plan_face *face, float v, struct plan_point size, bool lies,
                    struct layout *layout)
{
    float from, to;
    face_span(face, v + size.v, &from, &to);
    float room = to - from - 2 * EDGE_FREE + GAP;
    int count = (int)floorf(room / (size.u + GAP));
    float left = (from + to) / 2 - ((float)count * (size.u + GAP) - GAP) / 2;
    for (int i = 0; i < count && layout->count < PANEL_PLACES_MAX; i++) {
        int half = (i + 1) / 2;
        int column = (count - 1) / 2 + (i % 2 == 1 ? half : -half);
        float u = left + (float)column * (size.u + GAP);
        struct panel_place place = {face, {u, v}, {u + size.u, v + size.v}, lies};
        if (!is_taken(face, &place))
            layout->places[layout->count++] = place;
    }
}

// Rows from the ridge down.
static void lay_face(const struct plan_face *face, struct plan_point size, bool lies,
                     struct layout *layout)
{
    float room = face->outline[2].v - 2 * EDGE_FREE + GAP;
    int rows = (int)floorf(room / (size.v + GAP));
    float low = (face->outline[2].v - ((float)rows * (size.v + GAP) - GAP)) / 2;
    layout->count = 0;
    for (int row = rows - 1; row >= 0; row--)
        lay_row(face, low + (float)row * (size.v + GAP), size, lies, layout);
}

// The sides of the roof, those with most sun first.
static void sort_faces(const struct house_plan *plan, const struct plan_face *ret_faces[])
{
    for (size_t i = 0; i < plan->face_count; i++) {
        size_t at = i;
        for (; at > 0 && ret_faces[at - 1]->sun < plan->faces[i].sun; at--)
            ret_faces[at] = ret_faces[at - 1];
        ret_faces[at] = &plan->faces[i];
    }
}

size_t panels_place(const struct house_plan *plan, struct plan_point panel_size,
                    struct panel_place ret_places[PANEL_PLACES_MAX])
{
    const struct plan_face *faces[PLAN_FACES_MAX] = {0};
    struct plan_point lying_size = {panel_size.v, panel_size.u};
    size_t count = 0;
    sort_faces(plan, faces);
    for (size_t i = 0; i < plan->face_count; i++) {
        struct layout standing, lying;
        lay_face(faces[i], panel_size, false, &standing);
        lay_face(faces[i], lying_size, true, &lying);
        const struct layout *more = standing.count >= lying.count ? &standing : &lying;
        for (size_t j = 0; j < more->count && count < PANEL_PLACES_MAX; j++)
            ret_places[count++] = more->places[j];
    }
    check(count > 0);
    return count;
}
