#include "orders.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "models.h"

enum {
    MOST_OP_ID = 100,
    MOST_TRIGGER = 40,
    MOST_PHOTOS = 100,
    MOST_PROMPT = 8000,
    MOST_BLOB = 240,
    LEAST_SIDE = 256,
    MOST_SIDE = 2048,
    MOST_STEPS = 100,
};

/* ---- checking ---- */

static bool is_text(const char *text, size_t most)
{
    return text && *text && strlen(text) <= most;
}

static bool is_blob(const char *name)
{
    return is_text(name, MOST_BLOB) && *name == '/' && strchr(name + 1, '/');
}

static bool is_trigger(const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    return is_text(text, MOST_TRIGGER) && strspn(text, letters) == strlen(text);
}

static const char *fault_of_training(const struct aisha_training *training)
{
    if (!is_text(training->op_id, MOST_OP_ID) || !is_text(training->listener, 64))
        return "op_id or listener";
    if (training->kind != AISHA_TRAINING_PORTRAIT && training->kind != AISHA_TRAINING_STYLE)
        return "kind";
    if (training->preset < AISHA_TRAINING_FAST || training->preset > AISHA_TRAINING_QUALITY)
        return "preset";
    if (training->masks > AISHA_MASKS_OFF)
        return "masks";
    if (!is_trigger(training->trigger))
        return "trigger";
    if (!is_blob(training->into))
        return "into";
    if (!training->photos || training->photo_count < 1 || training->photo_count > MOST_PHOTOS)
        return "photo_count";
    for (size_t i = 0; i < training->photo_count; i++)
        if (!is_blob(training->photos[i]))
            return "photos";
    return NULL;
}

static const char *fault_of_loras(const struct aisha_drawing *drawing)
{
    if (drawing->lora_count > AISHA_LORAS_MOST || (drawing->lora_count && !drawing->loras))
        return "lora_count";
    for (size_t i = 0; i < drawing->lora_count; i++) {
        const struct aisha_lora *lora = &drawing->loras[i];
        if (!is_blob(lora->weights) || !is_text(lora->family, 40) ||
            strcmp(lora->family, drawing->loras[0].family) != 0 || !(lora->scale >= 0) ||
            lora->scale > 4)
            return "loras";
    }
    return NULL;
}

static const char *fault_of_drawing(const struct aisha_drawing *drawing, int64_t *ret_width,
                                    int64_t *ret_height)
{
    bool has_size = drawing->width || drawing->height;

    if (!is_text(drawing->op_id, MOST_OP_ID) || !is_text(drawing->listener, 64))
        return "op_id or listener";
    if (!is_text(drawing->prompt, MOST_PROMPT))
        return "prompt";
    if (!is_blob(drawing->into))
        return "into";
    if (drawing->count < 0 || drawing->count > AISHA_IMAGES_MOST)
        return "count";
    if (drawing->has_seed && drawing->seed < 0)
        return "seed";
    if (!(drawing->guidance >= 0) || drawing->guidance > 35 || drawing->steps < 0 ||
        drawing->steps > MOST_STEPS)
        return "guidance or steps";
    *ret_width = drawing->width;
    *ret_height = drawing->height;
    if (has_size && (drawing->width < LEAST_SIDE || drawing->width > MOST_SIDE ||
                     drawing->height < LEAST_SIDE || drawing->height > MOST_SIDE))
        return "width or height";
    if (!has_size &&
        !size_of_ratio(drawing->aspect ? drawing->aspect : "1:1", ret_width, ret_height))
        return "aspect";
    return fault_of_loras(drawing);
}

/* ---- ordering ---- */

static AISHA_ASYNC int find_by_op(struct aisha_ctx *ctx, const char *user_id, const char *listener,
                                  const char *op_id, const char **ret_id)
{
    const struct aisha_rows *rows;

    int r = aisha_db_query(ctx, &rows,
                           "SELECT id FROM provider_requests"
                           " WHERE user_id = $1 AND listener = $2 AND op_id = $3",
                           user_id, listener, op_id);
    if (r == 0)
        *ret_id = aisha_cell_text(rows, 0, "id");
    return r;
}

/* Ends a transaction that was begun here; that of a caller is theirs. */
static AISHA_ASYNC int finish(struct aisha_ctx *ctx, bool is_alone, int r)
{
    return is_alone ? aisha_db_end(ctx, r) : r;
}

/* Its row first: that of the same order from elsewhere lets no second one in, nor its job. */
static AISHA_ASYNC int insert(struct aisha_ctx *ctx, struct fal_request *request)
{
    const struct aisha_statement statement = request_insert(ctx, request);
    struct drive_order order = {0};
    const struct aisha_rows *rows;

    int r = aisha_db_query_(ctx, &rows, &statement);
    if (r < 0 || rows->changed_count == 0)
        return r < 0 ? r : AISHA_WORK_EXISTS;
    memcpy(order.id, request->id, strnlen(request->id, sizeof order.id - 1));
    r = aisha_job_enqueue(ctx, &request->job_id, .kind = "drive", AISHA_DATA(order));
    if (r < 0)
        return r;
    return aisha_db_exec(ctx,
                         "UPDATE provider_requests SET job_id = $1 WHERE user_id = $2 AND id = $3",
                         request->job_id, request->user_id, request->id);
}

/* The row and its job: both or none. */
static AISHA_ASYNC int write_both(struct aisha_ctx *ctx, struct fal_request *request)
{
    bool is_alone = !aisha_db_in_transaction(ctx);
    int r = is_alone ? aisha_db_begin(ctx) : 0;

    if (r == 0)
        r = insert(ctx, request);
    return finish(ctx, is_alone, r);
}

static AISHA_ASYNC int place_order(struct aisha_ctx *ctx, const char **ret_id,
                                   struct fal_request *request, int64_t minutes)
{
    const char *user_id = aisha_user_id(ctx), *known;

    request->user_id = user_id ? user_id : "";
    request->job_id = "";
    request->id = aisha_uuid(ctx);
    request->created_at = aisha_now(ctx);
    request->deadline_at = request->created_at + minutes * 60;
    int r = find_by_op(ctx, request->user_id, request->listener, request->op_id, &known);
    if (r == 0 && known)
        r = AISHA_WORK_EXISTS;
    else if (r == 0)
        r = write_both(ctx, request);
    if (r == AISHA_WORK_EXISTS && !known) {
        int found = find_by_op(ctx, request->user_id, request->listener, request->op_id, &known);
        if (found < 0 || !known)
            return found < 0 ? found : -AISHA_E_CONFLICT;
    }
    if (r >= 0 && ret_id)
        *ret_id = r == AISHA_WORK_EXISTS ? known : request->id;
    return r;
}

static int invalid(struct aisha_ctx *ctx, const char *fault)
{
    return aisha_fail(ctx, -AISHA_E_INVALID, "an order whose %s cannot be right", fault);
}

static AISHA_ASYNC int start_training(struct aisha_ctx *ctx, const char **ret_id,
                                      const struct aisha_training *given)
{
    const struct fal_config *config = aisha_config(ctx);
    struct aisha_training training = {0};
    const char *photos = "";

    memcpy(&training, given, given->size < sizeof training ? given->size : sizeof training);
    const char *fault = fault_of_training(&training);
    if (fault)
        return invalid(ctx, fault);
    for (size_t i = 0; i < training.photo_count; i++)
        photos = aisha_printf(ctx, "%s%s%s", photos, i ? "," : "",
                              aisha_json_quote(ctx, training.photos[i]));
    struct fal_request request = {
        .listener = training.listener,
        .op_id = training.op_id,
        .kind = FAL_TRAINING,
        .order = aisha_printf(
            ctx,
            "{\"kind\":%d,\"preset\":%d,\"masks\":%d,\"trigger\":%s,\"into\":%s,\"photos\":[%s]}",
            (int)training.kind, (int)training.preset, (int)training.masks,
            aisha_json_quote(ctx, training.trigger), aisha_json_quote(ctx, training.into), photos),
    };
    return place_order(ctx, ret_id, &request, config->training_minutes);
}

static const char *list_loras(struct aisha_ctx *ctx, const struct aisha_drawing *drawing)
{
    const char *list = "";

    for (size_t i = 0; i < drawing->lora_count; i++) {
        const struct aisha_lora *lora = &drawing->loras[i];
        list = aisha_printf(ctx, "%s%s{\"weights\":%s,\"family\":%s,\"scale\":%.3f}", list,
                            i ? "," : "", aisha_json_quote(ctx, lora->weights),
                            aisha_json_quote(ctx, lora->family), lora->scale > 0 ? lora->scale : 1);
    }
    return list;
}

static AISHA_ASYNC int start_drawing(struct aisha_ctx *ctx, const char **ret_id,
                                     const struct aisha_drawing *given)
{
    const struct fal_config *config = aisha_config(ctx);
    struct aisha_drawing drawing = {0};
    int64_t width, height;

    memcpy(&drawing, given, given->size < sizeof drawing ? given->size : sizeof drawing);
    const char *fault = fault_of_drawing(&drawing, &width, &height);
    if (fault)
        return invalid(ctx, fault);
    const char *seed =
        drawing.has_seed ? aisha_printf(ctx, ",\"seed\":\"%" PRId64 "\"", drawing.seed) : "";
    struct fal_request request = {
        .listener = drawing.listener,
        .op_id = drawing.op_id,
        .kind = FAL_DRAWING,
        .order = aisha_printf(
            ctx,
            "{\"prompt\":%s,\"has_negative\":%d,\"width\":%" PRId64 ",\"height\":%" PRId64
            ",\"count\":%" PRId64 ",\"guidance\":%.2f,\"steps\":%" PRId64
            ",\"into\":%s,\"loras\":[%s]%s}",
            aisha_json_quote(ctx, drawing.prompt), drawing.negative && *drawing.negative, width,
            height, drawing.count ? drawing.count : 1, drawing.guidance, drawing.steps,
            aisha_json_quote(ctx, drawing.into), list_loras(ctx, &drawing), seed),
    };
    return place_order(ctx, ret_id, &request, config->image_minutes);
}

/* ---- asking and cancelling ---- */

static const struct aisha_work_status *status_of(struct aisha_ctx *ctx,
                                                 const struct fal_request *request)
{
    struct aisha_work_status *status = aisha_alloc(ctx, sizeof *status);

    *status = (struct aisha_work_status){
        .size = sizeof *status,
        .id = request->id,
        .op_id = request->op_id,
        .phase = request_phase(request),
        .position = request->ahead,
        .percent = (int)request->percent,
        .log = request->log,
    };
    return status;
}

static AISHA_ASYNC int tell_status(struct aisha_ctx *ctx, const char *id,
                                   const struct aisha_work_status **ret_status)
{
    struct fal_request request;

    int r = request_load(ctx, id, &request);
    if (r == 0)
        *ret_status = status_of(ctx, &request);
    return r;
}

static AISHA_ASYNC int cancel_once(struct aisha_ctx *ctx, const char *id)
{
    struct fal_request request;

    int r = request_load(ctx, id, &request);
    if (r < 0 || !fal_machine_apply(&request.machine, FAL_CANCEL))
        return r;
    if (fal_state_is_end(request.machine.state))
        request.ended_at = aisha_now(ctx);
    r = request_save(ctx, &request);
    return r == 0 ? aisha_job_wake(ctx, request.job_id) : r;
}

static AISHA_ASYNC int cancel(struct aisha_ctx *ctx, const char *id)
{
    bool is_alone = !aisha_db_in_transaction(ctx);
    int r = is_alone ? aisha_db_begin(ctx) : 0;

    if (r == 0)
        r = REQUEST_STALE;
    for (int i = 0; r == REQUEST_STALE && i < 8; i++)
        r = cancel_once(ctx, id);
    return finish(ctx, is_alone, r == REQUEST_STALE ? -AISHA_E_CONFLICT : r);
}

const struct aisha_trainer_functions fal_trainer = {
    .size = sizeof fal_trainer, .start = start_training, .status = tell_status, .cancel = cancel};

const struct aisha_images_functions fal_images = {
    .size = sizeof fal_images, .start = start_drawing, .status = tell_status, .cancel = cancel};

/* ---- telling ---- */

static const char *text_of(const struct aisha_json *json, const char *path)
{
    const char *text = aisha_json_text(json, path);

    return text ? text : "";
}

static struct aisha_work_end end_of(const struct fal_request *request)
{
    return (struct aisha_work_end){
        .size = sizeof(struct aisha_work_end),
        .id = request->id,
        .op_id = request->op_id,
        .phase = request_phase(request),
        .cause = request->cause,
        .reason = request->reason,
        .model = request->model,
        .is_submitted = *request->request_id || request->unsure > 0,
    };
}

static AISHA_ASYNC int tell_training(struct aisha_ctx *ctx, const struct fal_request *request,
                                     const struct aisha_json *order,
                                     const struct aisha_json *result, const void *functions)
{
    const struct aisha_trainer_listener *listener = functions;
    const struct aisha_training_end end = {
        .size = sizeof end,
        .end = end_of(request),
        .weights = text_of(order, "into"),
        .sha256 = text_of(result, "sha256"),
        .weights_bytes = aisha_json_int(result, "bytes"),
        .family = text_of(result, "family"),
        .trigger = text_of(order, "trigger"),
        .steps = aisha_json_int(result, "steps"),
    };

    return listener->ended(ctx, &end);
}

static AISHA_ASYNC int tell_drawing(struct aisha_ctx *ctx, const struct fal_request *request,
                                    const struct aisha_json *order, const struct aisha_json *result,
                                    const void *functions)
{
    const struct aisha_images_listener *listener = functions;
    size_t count = aisha_json_count(result, "pictures");
    struct aisha_picture *pictures = aisha_alloc(ctx, (count + 1) * sizeof *pictures);
    const char *seed = aisha_json_text(result, "seed");
    struct aisha_drawing_end end = {
        .size = sizeof end,
        .end = end_of(request),
        .pictures = pictures,
        .picture_count = count,
        .has_seed = seed != NULL,
        .seed = seed ? strtoll(seed, NULL, 10) : 0,
        .is_negative_ignored = aisha_json_int(order, "has_negative") != 0,
    };

    for (size_t i = 0; i < count; i++) {
        const struct aisha_json *one = aisha_json_at(result, aisha_printf(ctx, "pictures[%zu]", i));
        pictures[i] = (struct aisha_picture){
            .size = sizeof *pictures,
            .blob = aisha_json_text(one, "blob"),
            .content_type = text_of(one, "type"),
            .bytes = aisha_json_int(one, "bytes"),
            .width = aisha_json_int(one, "width"),
            .height = aisha_json_int(one, "height"),
            .is_flagged = aisha_json_int(one, "flagged") != 0,
        };
    }
    return listener->ended(ctx, &end);
}

int order_tell_end(struct aisha_ctx *ctx, const struct fal_request *request)
{
    const struct aisha_json *order = aisha_json_parse(ctx, request->order, strlen(request->order));
    const struct aisha_json *result =
        aisha_json_parse(ctx, request->result, strlen(request->result));
    struct aisha_service_call call;

    int r = aisha_service_enter(ctx, request->listener, 1, &call);
    if (r < 0)
        return r;
    r = request->kind == FAL_TRAINING ? tell_training(ctx, request, order, result, call.functions)
                                      : tell_drawing(ctx, request, order, result, call.functions);
    aisha_service_leave(ctx, &call);
    return r;
}

int order_tell_progress(struct aisha_ctx *ctx, const struct fal_request *request)
{
    struct aisha_service_call call;
    int (*progress)(struct aisha_ctx * ctx, const struct aisha_work_status *status);

    if (aisha_service_enter(ctx, request->listener, 1, &call) < 0)
        return 0; /* its end will say so */
    if (request->kind == FAL_TRAINING)
        progress = ((const struct aisha_trainer_listener *)call.functions)->progress;
    else
        progress = ((const struct aisha_images_listener *)call.functions)->progress;
    int r = progress ? progress(ctx, status_of(ctx, request)) : 0;
    aisha_service_leave(ctx, &call);
    return r;
}
