export {
  AlreadyExistsError, BusyError, ClosedError, ConflictError, ConvostoreError, CorruptedError, DiskFullError, type ErrorCode, type ErrorDetails, ForkedError,
  InvalidArgumentError, InvalidTransitionError, LockLostError, NotFoundError, PermissionDeniedError, PoisonedError, ReadOnlyError, ReentrantError,
  StorageError, UnknownOutcomeError, UnsupportedError, UnsupportedSchemaError,
} from "./errors.js";
